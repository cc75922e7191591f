"""Compact class signatures: what a detector looks at if there are many classes.

Of each unit they keep one of four levels instead of a count (``levels``), as bits (``planes``), in a file that is
mapped into memory. So only the rows of the classes that vote are ever read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import Layout
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.counts import SCHEMA, ClassSignatures, check_numbers, frequency, rows_of
from pathprint.profiling.signatures.exact import Exact, each_class
from pathprint.profiling.signatures.levels import LEVELS, Levels
from pathprint.profiling.signatures.planes import PLANES, Columns, Words, row_of
from pathprint.profiling.signatures.row_file import RowFile, RowWriter
from pathprint.profiling.signatures.sparse import SparseCounts, split, unit_sizes
from pathprint.profiling.writing.whole import whole_file

COMPACT_SCHEMA = 3
log = logging.getLogger("pathprint")
TABLES = ("odds", "frequency", "log_frequency")


@dataclass(frozen=True, eq=False)
class CompactSignatures:
    """How often units and weights are in the paths of each class, rounded, in a file.

    Attributes:
        extraction: fingerprint of the extractor; paths of another one do not compare.
        classes: class numbers that have a signature, ascending, ``(k,)``.
        images: number of images that each was made from, ``(k,)``.
        file: with the arrays ``groups``, how many groups of each layer and kind are in each row, ``(k, columns)``;
            ``odds``, ``frequency`` and ``log_frequency`` of each level, ``(k, LEVELS + 1)``; ``usual`` and
            ``absence`` as in ``Lookup``, ``(k, columns)``.
    """

    layout: Layout
    extraction: str
    classes: Indices
    images: Indices
    file: RowFile

    @staticmethod
    def open(path: Path) -> CompactSignatures:
        """Map the signatures in ``path``, after checking every row.

        Raises:
            SignatureError: it is not a file of compact signatures, has another schema, or contradicts itself.
        """
        try:
            file = RowFile.open(path)
            if file.facts["schema"] != COMPACT_SCHEMA:
                raise ValueError(f"schema {file.facts['schema']!r}; {COMPACT_SCHEMA} was expected.")
            layout, arrays = Layout.from_list(file.facts["layout"]), file.arrays
            extraction = str(file.facts["extraction"])
            found = CompactSignatures(layout, extraction, arrays["classes"], arrays["images"], file)
            found._check_arrays()
            found._check_rows()
        except storage.UNREADABLE as error:
            raise SignatureError(f"{path} is not a readable signatures file: {storage.reason(error)}") from error
        return found

    def rows(self, classes: Indices) -> Indices:
        """Return the row of each class; -1 for a class without a signature."""
        return rows_of(self.classes, classes)

    def save(self, path: Path) -> None:
        """Write a copy of the file.

        Raises:
            OutputError: it cannot be written.
        """
        self.file.save(path)

    @cached_property
    def columns(self) -> Columns:
        """Layers and kinds, and where they are in a row."""
        return Columns(unit_sizes(self.layout))

    @cached_property
    def words(self) -> Words:
        """All rows, one after another."""
        return np.frombuffer(self.file.mapped, np.uint64, int(self.file.starts[-1]) // 8, self.file.data)

    @cached_property
    def bodies(self) -> Indices:
        """Where the levels of each row and layer and kind begin in ``words``, and end, ``(k, columns + 1)``."""
        ends = np.cumsum(self.file.arrays["groups"], axis=1) * PLANES
        first = self.firsts[:, None] + self.columns.heads[-1]
        found: Indices = first + np.hstack([np.zeros((len(ends), 1), np.int64), ends])
        return found

    @property
    def firsts(self) -> Indices:
        """Where each row begins in ``words``, ``(k,)``."""
        return self.file.starts[:-1] // 8

    def _check_arrays(self) -> None:
        arrays, k = self.file.arrays, len(self.classes)
        columns = len(self.columns.sizes)
        shapes = dict.fromkeys(TABLES, (k, LEVELS + 1)) | dict.fromkeys(("groups", "usual", "absence"), (k, columns))
        sound = check_numbers(self.classes, self.images) and len(self.file.starts) == k + 1
        sound = sound and all(arrays[name].shape == shape for name, shape in shapes.items())
        sound = sound and arrays["groups"].dtype == np.int64 and bool((arrays["groups"] >= 0).all())
        sound = sound and all(np.isfinite(arrays[name]).all() for name in (*TABLES, "usual", "absence"))
        if not sound:
            raise ValueError("its arrays do not fit its layout, classes and images.")
        if (self.bodies[:, -1] > self.file.starts[1:] // 8).any():
            raise ValueError("its rows are shorter than their groups.")

    def _check_rows(self) -> None:
        """Refuse rows that lack a group that they announce: compiled code would read beyond their ends."""
        heads = self.columns.heads
        for row, first in enumerate(self.firsts.tolist()):
            marked = np.bitwise_count(self.words[first : first + heads[-1]])
            found = np.add.reduceat(marked, heads[:-1], dtype=np.int64)
            if not np.array_equal(found, self.file.arrays["groups"][row]):
                raise ValueError(f"row {row} has other groups than it announces.")
            self.file.forget(row)


Served = ClassSignatures | CompactSignatures
"""Signatures that paths can be compared with."""


def write_compact(signatures: Exact, path: Path) -> None:
    """Write the compact form of signatures, class by class.

    Raises:
        SignatureError: the signatures are damaged.
        OutputError: the file cannot be written.
    """
    columns = Columns(unit_sizes(signatures.layout))
    facts = {"schema": COMPACT_SCHEMA, "layout": signatures.layout.to_list(), "extraction": signatures.extraction}
    found: list[dict[str, Floats | Indices]] = []
    with whole_file(path) as partial, partial.open("wb") as file:
        writer = RowWriter(file, facts)
        for _, images, counts in each_class(signatures):
            levels, own = _summary(counts, images)
            by_name = {name: levels.of_count[part] for name, part in split(columns.sizes, counts.flat()).items()}
            row, own["groups"] = row_of(columns, by_name)
            writer.add(row.tobytes())
            found.append(own)
        writer.finish(
            {
                **_stacked(found, len(columns.sizes)),
                "classes": signatures.classes.astype(np.int64),
                "images": signatures.images.astype(np.int64),
            }
        )


def _stacked(found: list[dict[str, Floats | Indices]], columns: int) -> dict[str, Floats | Indices]:
    """Return what is stored of each class as arrays of all classes."""
    widths = dict.fromkeys(TABLES, LEVELS + 1) | dict.fromkeys(("usual", "absence", "groups"), columns)
    stacked: dict[str, Floats | Indices] = {}
    for name, width in widths.items():
        own = [part[name] for part in found]
        stacked[name] = np.stack(own) if own else np.zeros((0, width), np.int64 if name == "groups" else np.float64)
    return stacked


def _summary(counts: SparseCounts, images: int) -> tuple[Levels, dict[str, Floats | Indices]]:
    """Return the levels of a class, and what of it is stored beside its row."""
    parts = split(counts.sizes, counts.flat())
    occurrences = np.stack([np.bincount(part, minlength=images + 1) for part in parts.values()])
    levels = Levels.of(occurrences.sum(0))
    share = frequency(np.arange(images + 1), np.array(images))
    return levels, {
        "odds": levels.odds,
        "frequency": levels.frequency,
        "log_frequency": levels.log_frequency,
        "usual": occurrences @ share,
        "absence": occurrences @ np.log1p(-share),
    }


def served(signatures: Exact) -> Served:
    """Return signatures in the form that paths are compared with: those of few classes as they are, else compact.

    The compact form of many classes is made in a temporary file, which is gone when the program is.

    Raises:
        SignatureError: the signatures are damaged.
        OutputError: the temporary file cannot be written.
    """
    if isinstance(signatures, ClassSignatures):
        return signatures
    log.info("%d classes are many: the detector keeps their signatures rounded, in a file", len(signatures.classes))
    with TemporaryDirectory(prefix="pathprint-") as folder:
        path = Path(folder) / "compact.safetensors"
        write_compact(signatures, path)
        return CompactSignatures.open(path)  # the mapping outlives the name of the file


def open_served(path: Path) -> Served:
    """Return the signatures of a bundle.

    Raises:
        SignatureError: it is not a file that paths can be compared with, has another schema, or is damaged.
    """
    try:
        schema = storage.facts(path)["schema"]
    except storage.UNREADABLE as error:
        raise SignatureError(f"{path} is not a readable signatures file: {storage.reason(error)}") from error
    if schema == COMPACT_SCHEMA:
        return CompactSignatures.open(path)
    if schema == SCHEMA:
        return ClassSignatures.load(path)
    raise SignatureError(
        f"{path} has schema {schema!r}, but a detector's signatures have {SCHEMA} or {COMPACT_SCHEMA} in this version; "
        "build the bundle again."
    )
