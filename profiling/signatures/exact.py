"""Exact class signatures of many classes: their counts stay in the file, without zeros and compressed, a row a class.

Signatures of few classes are kept whole (``counts``). Both can be gone through class by class and merged.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pathprint.profiling.arrays import Indices
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import Layout
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.counts import SCHEMA, ClassSignatures, check_numbers, rows_of
from pathprint.profiling.signatures.row_file import RowFile
from pathprint.profiling.signatures.sparse import SparseCounts, unit_sizes

SPARSE_SCHEMA = 2


@dataclass(frozen=True, eq=False)
class SparseSignatures:
    """How often each unit and weight is in the paths of each class, in a file.

    Attributes:
        extraction: fingerprint of the extractor; paths of another one do not compare.
        classes: class numbers that have a signature, ascending, ``(k,)``.
        images: number of images that each was made from, ``(k,)``.
    """

    layout: Layout
    extraction: str
    classes: Indices
    images: Indices
    file: RowFile

    @staticmethod
    def open(path: Path) -> SparseSignatures:
        """Open a file of exact signatures of many classes.

        Raises:
            SignatureError: it is not one, or is damaged.
        """
        try:
            file = RowFile.open(path)
            if file.facts["schema"] != SPARSE_SCHEMA:
                raise ValueError(f"schema {file.facts['schema']!r}; {SPARSE_SCHEMA} was expected.")
            layout, arrays = Layout.from_list(file.facts["layout"]), file.arrays
            classes, images = arrays["classes"], arrays["images"]
            lengths = arrays["lengths"]
            fits = check_numbers(classes, images) and lengths.dtype == np.int64 and lengths.shape == (len(classes), 3)
            if not fits or len(file.starts) != len(classes) + 1 or (lengths < 0).any():
                raise ValueError("its rows do not fit its classes and images.")
            return SparseSignatures(layout, str(file.facts["extraction"]), classes, images, file)
        except storage.UNREADABLE as error:
            raise SignatureError(f"{path} is not a readable signatures file: {storage.reason(error)}") from error

    def rows(self, classes: Indices) -> Indices:
        """Return the row of each class; -1 for a class without a signature."""
        return rows_of(self.classes, classes)

    def row(self, number: int) -> SparseCounts:
        """Return the counts of the class in a row.

        Raises:
            SignatureError: they are damaged.
        """
        lengths = self.file.arrays["lengths"][number].tolist()
        found = unpacked(self.file.row(number), lengths, self.layout, int(self.images[number]))
        self.file.forget(number)
        return found

    def save(self, path: Path) -> None:
        """Write a copy of the file.

        Raises:
            OutputError: it cannot be written.
        """
        self.file.save(path)


Exact = ClassSignatures | SparseSignatures
"""Exact signatures, of few or of many classes."""


def open_signatures(path: Path) -> Exact:
    """Return the exact signatures in ``path``; those of many classes stay in the file.

    Raises:
        SignatureError: it is not a file of exact signatures, or is damaged.
    """
    try:
        schema = storage.facts(path)["schema"]
    except storage.UNREADABLE as error:
        raise SignatureError(f"{path} is not a readable signatures file: {storage.reason(error)}") from error
    if schema == SPARSE_SCHEMA:
        return SparseSignatures.open(path)
    if schema == SCHEMA:
        return ClassSignatures.load(path)
    raise SignatureError(
        f"{path} has schema {schema!r}, but exact signatures have {SCHEMA} or {SPARSE_SCHEMA} in this version; "
        "profile the network again."
    )


def each_class(signatures: Exact) -> Iterator[tuple[int, int, SparseCounts]]:
    """Yield class number, number of images and counts of each class, in ascending order."""
    for row, (number, images) in enumerate(zip(signatures.classes.tolist(), signatures.images.tolist(), strict=True)):
        yield number, images, class_counts(signatures, row)


def class_counts(signatures: Exact, row: int) -> SparseCounts:
    """Return the counts of the class in a row.

    Raises:
        SignatureError: they are damaged.
    """
    if isinstance(signatures, SparseSignatures):
        return signatures.row(row)
    return SparseCounts.of({name: signatures.counts[name][row] for name in unit_sizes(signatures.layout)})


def packed(counts: SparseCounts) -> tuple[list[bytes], list[int]]:
    """Return mask and values of a class, compressed, and what ``unpacked`` needs to know of them."""
    planes = counts.values.astype(counts.values.dtype.newbyteorder("<")).view(np.uint8)
    # High bytes are alike, so they stand together. Values do not repeat in sequences: only their frequencies help.
    planes = planes.reshape(-1, counts.values.itemsize).T
    parts = [zlib.compress(counts.mask.tobytes(), 1), _shortened(planes.tobytes())]
    return parts, [*map(len, parts), len(counts.values)]


def unpacked(data: memoryview, lengths: list[int], layout: Layout, images: int) -> SparseCounts:
    """Return the counts that ``packed`` made ``data`` of.

    Raises:
        SignatureError: they are damaged.
    """
    first, second, kept = lengths
    units = sum(unit_sizes(layout).values())
    itemsize = 0
    try:
        mask = _lengthened(data[:first], -(-units // 8))
        dtype = np.min_scalar_type(images)
        planes = _lengthened(data[first : first + second], min(kept, units) * dtype.itemsize)
        itemsize = len(planes) // kept if kept else 1
        values = np.frombuffer(planes, np.uint8).reshape(itemsize, kept).T.copy().view(f"<u{itemsize}")[:, 0]
    except (zlib.error, ValueError, TypeError) as error:
        raise SignatureError(f"the counts of a class are damaged: {error}; profile the network again.") from error
    arrays = {"mask": np.frombuffer(mask, np.uint8), "values": values}
    return SparseCounts.from_arrays(layout, arrays, images)


def _shortened(data: bytes) -> bytes:
    squeezer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY)
    return squeezer.compress(data) + squeezer.flush()


def _lengthened(data: memoryview, most: int) -> bytes:
    """Return decompressed data, of which there may be at most this number of bytes."""
    expander = zlib.decompressobj()
    found = expander.decompress(data, most + 1)
    if len(found) > most or not expander.eof:
        raise ValueError(f"a compressed part has not ended after {most} bytes")
    return found
