"""Write class signatures class by class, and merge files of them, with one class in memory whatever their number.

Signatures of few classes become the file that ``ClassSignatures.save`` writes. Where its counts would take more than
``DENSE_BYTES``, the counts are stored without zeros (``exact``), which loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from heapq import merge as merged
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import Layout
from pathprint.profiling.signatures.counts import ClassSignatures, UnitCounts, check_mergeable
from pathprint.profiling.signatures.exact import SPARSE_SCHEMA, Exact, SparseSignatures, each_class, packed
from pathprint.profiling.signatures.row_file import RowWriter
from pathprint.profiling.signatures.sparse import SparseCounts, split, unit_sizes
from pathprint.profiling.writing.whole import whole_file

DENSE_BYTES = 1 << 28
"""Counts of all classes and units that take more bytes than this are stored without zeros."""


class SignatureWriter:
    """Writes signatures to ``path``, which appears when the block ends without an error.

    Args:
        extraction: fingerprint of the extractor.
        dense_bytes: most bytes of counts that are stored whole.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, layout: Layout, extraction: str, dense_bytes: int = DENSE_BYTES) -> None:
        self._path, self._layout, self._extraction, self._dense_bytes = path, layout, extraction, dense_bytes
        self._sizes = unit_sizes(layout)
        self._facts: list[tuple[int, int, list[int]]] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._partial = self._open.enter_context(whole_file(self._path))
        self._file: BinaryIO = self._open.enter_context(self._partial.open("wb"))
        self._rows = RowWriter(
            self._file,
            {"schema": SPARSE_SCHEMA, "layout": self._layout.to_list(), "extraction": self._extraction},
        )
        return self

    def add(self, number: int, images: int, counts: SparseCounts | Mapping[str, UnitCounts]) -> None:
        """Append the class of this ``number``, which must be above the numbers of the classes before.

        Args:
            images: number of images that were counted.
            counts: by ``LAYER/KIND``, ``(size,)``, in the order of the layout.

        Raises:
            SignatureError: the class is out of order, or the counts are of other layers or of more images.
        """
        own = counts if isinstance(counts, SparseCounts) else SparseCounts.of(counts)
        if self._facts and number <= self._facts[-1][0]:
            raise SignatureError(f"class {number} comes after class {self._facts[-1][0]}; classes must ascend.")
        if list(own.sizes.items()) != list(self._sizes.items()):
            raise SignatureError(f"the counts of class {number} are of other layers than the signatures.")
        if own.values.max(initial=0) > images:
            raise SignatureError(f"a unit was counted {own.values.max()} times in {images} images of class {number}.")
        parts, lengths = packed(own)
        self._rows.add(*parts)
        self._facts.append((number, images, lengths))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._open.__exit__(kind, error, at)  # which removes the incomplete file
            return
        with self._open:
            self._finish()

    def _finish(self) -> None:
        numbers = [np.array(column, np.int64) for column in list(zip(*self._facts, strict=True))[:2]]
        classes, images = numbers or [np.zeros(0, np.int64)] * 2
        lengths = np.array([lengths for *_, lengths in self._facts], np.int64).reshape(len(classes), 3)
        self._rows.finish({"classes": classes, "images": images, "lengths": lengths})
        self._file.close()
        dtype = np.min_scalar_type(int(images.max(initial=0)))
        if len(classes) * sum(self._sizes.values()) * dtype.itemsize <= self._dense_bytes:
            whole(SparseSignatures.open(self._partial)).save(self._partial)


def whole(signatures: SparseSignatures) -> ClassSignatures:
    """Return signatures with all counts in memory."""
    sizes = unit_sizes(signatures.layout)
    dtype = np.min_scalar_type(int(signatures.images.max(initial=0)))
    counts = {name: np.zeros((len(signatures.classes), size), dtype) for name, size in sizes.items()}
    for row in range(len(signatures.classes)):
        for name, own in split(sizes, signatures.row(row).flat()).items():
            counts[name][row] = own
    return ClassSignatures(signatures.layout, signatures.extraction, signatures.classes, signatures.images, counts)


def merge(parts: Sequence[Exact], path: Path, dense_bytes: int = DENSE_BYTES) -> None:
    """Write the signatures of all images of ``parts`` together, as profiling them together would write them.

    Raises:
        SignatureError: there are none, they come from different networks or options, or one is damaged.
        OutputError: the file cannot be written.
    """
    if not parts:
        raise SignatureError("there are no signatures to merge.")
    for part in parts[1:]:
        check_mergeable((parts[0].layout, parts[0].extraction), (part.layout, part.extraction))
    streams = merged(*map(each_class, parts), key=lambda found: found[0])
    with SignatureWriter(path, parts[0].layout, parts[0].extraction, dense_bytes) as writer:
        for number, same in groupby(streams, key=lambda found: found[0]):
            images, total = 0, np.zeros(sum(unit_sizes(parts[0].layout).values()), np.uint32)
            for _, own, counts in same:
                images += own
                counts.add_to(total)
            writer.add(number, images, SparseCounts.of_flat(unit_sizes(parts[0].layout), total))
