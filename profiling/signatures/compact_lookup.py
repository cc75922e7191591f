"""Look up paths in compact signatures; see ``Lookup`` for what is looked up."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from threading import Lock

import numpy as np

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.paths.path import Members, Sets
from pathprint.profiling.signatures.adding import RANKS
from pathprint.profiling.signatures.compact import TABLES, CompactSignatures, Served
from pathprint.profiling.signatures.counts import ClassSignatures, frequency
from pathprint.profiling.signatures.levels import LEVELS
from pathprint.profiling.signatures.lookup import Lookup, Sums, check_members, check_rows
from pathprint.profiling.signatures.row_file import RowFile
from pathprint.profiling.signatures.tallying import Column, Tally, tally
from pathprint.profiling.threads import in_parallel

RESIDENT_BYTES = 1 << 28
"""Rows that were read and may stay in memory, in bytes; beyond it, the least recently used ones are given back."""


@dataclass(frozen=True, eq=False)
class CompactLookup:
    """Compact signatures, looked up row by row.

    Attributes:
        resident: which rows are in memory.
    """

    signatures: CompactSignatures
    resident: ResidentRows

    @staticmethod
    def of(signatures: CompactSignatures, resident_bytes: int = RESIDENT_BYTES) -> CompactLookup:
        """Return a lookup that keeps at most so many bytes of rows in memory, and those of one batch."""
        return CompactLookup(signatures, ResidentRows(signatures.file, resident_bytes))

    def add_up(self, sets: Sequence[tuple[str, Sets]], voters: Indices) -> tuple[Floats, Sums]:
        """Do what ``Lookup.add_up`` does."""
        k = len(self.signatures.classes)
        rows = np.where(voters < 0, k, voters)
        check_rows(rows, k)
        listed = [(name, _listed(members)) for name, members in sets]
        for name, members in listed:
            check_members(members, name, rows, self.signatures.columns.sizes.get(name))
        tallies = np.stack(in_parallel(lambda item: fastest()(self._columns[item[0]], item[1], rows), listed))
        self.resident.touch(np.unique(rows[rows < k]).tolist())
        sizes = np.stack([members.counts for _, members in sets], axis=1).astype(np.float64)
        odds, share, log = (table[rows] for table in self._tables)
        ranked = tallies[:, :, :RANKS]
        return sizes, Sums(
            (tallies * odds).sum(-1),
            ranked[..., 1:].sum(-1).astype(np.float64),
            (ranked * share[:, :RANKS]).sum(-1),
            (ranked * log[:, :RANKS]).sum(-1),
        )

    def log_frequency_of(self, name: str, rows: Indices) -> Floats:
        """Return log p of every unit of ``name`` (``LAYER/KIND``), in each of the signature ``rows``, ``(n, size)``."""
        column = self._columns[name]
        logs = self._tables[TABLES.index("log_frequency")]
        zeros = np.zeros(column.size, np.int64)
        return np.stack([logs[row][column.levels(row) if row >= 0 else zeros] for row in rows.tolist()])

    def share_of(self, name: str, rows: Indices) -> Floats:
        """Do what ``Lookup.share_of`` does; a share is the mean of its level, and 0 for units that are not kept."""
        column = self._columns[name]
        shares = self._tables[TABLES.index("frequency")].copy()
        shares[:, 0] = 0
        zeros = np.zeros(column.size, np.int64)
        return np.stack([shares[row][column.levels(row) if row >= 0 else zeros] for row in rows.tolist()])

    @cached_property
    def usual(self) -> dict[str, Floats]:
        """By ``LAYER/KIND``: the sum of p over all units, for each row, ``(k + 1,)``; exact."""
        return self._per_column("usual", 0.5)

    @cached_property
    def absence(self) -> dict[str, Floats]:
        """By ``LAYER/KIND``: the sum of log(1 - p) over all units, for each row, ``(k + 1,)``; exact."""
        return self._per_column("absence", float(np.log(0.5)))

    def _per_column(self, name: str, of_no_signature: float) -> dict[str, Floats]:
        sizes = self.signatures.columns.sizes.items()
        return {
            column: np.append(own, size * of_no_signature)
            for (column, size), own in zip(sizes, self.signatures.file.arrays[name].T, strict=True)
        }

    @cached_property
    def _tables(self) -> list[Floats]:
        """Odds, frequency and log frequency of each row and level, ``(k + 1, LEVELS + 1)``; p = 1/2 in the last row."""
        unknown = frequency(np.zeros(LEVELS + 1), np.array(0))
        last = (np.zeros(LEVELS + 1), unknown, np.log(unknown))
        return [np.vstack([self.signatures.file.arrays[name], own]) for name, own in zip(TABLES, last, strict=True)]

    @cached_property
    def _columns(self) -> dict[str, Column]:
        found, signatures = {}, self.signatures
        for i, (name, size) in enumerate(signatures.columns.sizes.items()):
            bodies, ends = (np.ascontiguousarray(signatures.bodies[:, i + end]) for end in (0, 1))
            found[name] = Column(size, signatures.words, signatures.firsts + signatures.columns.heads[i], bodies, ends)
        return found


AnyLookup = Lookup | CompactLookup
"""Signatures of few or of many classes, looked up."""


def lookup_of(signatures: Served) -> AnyLookup:
    """Return signatures, laid out for comparing paths with them."""
    return Lookup.of(signatures) if isinstance(signatures, ClassSignatures) else CompactLookup.of(signatures)


@dataclass(frozen=True, eq=False)
class ResidentRows:
    """Keeps the memory of rows bounded: those that were not used for longest are given back first.

    Attributes:
        most: bytes of rows that may stay in memory.
    """

    file: RowFile
    most: int
    _used: OrderedDict[int, int] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def touch(self, rows: Sequence[int]) -> None:
        """Note that ``rows`` were just read, and give back what is beyond the bound."""
        with self._lock:
            for row in rows:
                self._used[row] = int(self.file.starts[row + 1] - self.file.starts[row])
                self._used.move_to_end(row)
            total = sum(self._used.values())
            while total > self.most and self._used:
                row, size = self._used.popitem(last=False)
                total -= size
                self.file.forget(row)

    @property
    def rows(self) -> list[int]:
        """The rows in memory, the one that was used last at the end."""
        with self._lock:
            return list(self._used)


def _listed(members: Sets) -> Members:
    """Return sets as lists in main memory, where compact signatures are."""
    if isinstance(members, Members):
        return members
    _say_once()
    return members.listed


@cache
def _say_once() -> None:
    warnings.warn(
        "signatures of many classes are looked up by the CPU, so paths are copied there from the GPU.",
        RuntimeWarning,
        stacklevel=2,
    )


@cache
def fastest() -> Tally:
    """Return the compiled loop; where numba does not work the plain one, which is said once."""
    try:  # imported when it is first needed: numba takes a second, and brings scipy along
        from pathprint.profiling.compiled.trial import try_out
        from pathprint.profiling.signatures.compiled_tallying import tally as compiled

        try_out()
    except Exception as error:  # numba and LLVM raise dozens of unrelated types where they cannot compile
        warnings.warn(f"numba does not work here ({error}), so comparing paths is slow.", RuntimeWarning, stacklevel=2)
        return tally
    return compiled
