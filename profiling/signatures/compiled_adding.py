"""``adding.add_up``, compiled; it runs without the GIL."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.compiled.caching import compiled
from pathprint.profiling.compiled.vectors import fetch, pointer
from pathprint.profiling.signatures.adding import RANKS, Tables

_AHEAD = 16
"""How many members ahead counts are brought to the caches: they lie far apart in memory."""


@compiled
def add_up(
    offsets: Indices,
    indices: Indices,
    counts: npt.NDArray[Any],
    rows: Indices,
    tables: Tables,
    sums: Floats,
) -> None:
    """Do what ``adding.add_up`` does, but by adding to ``sums``, which must be zeros.

    It is counted how often each voter has each count, and only these are looked up: there are far fewer counts than
    members, unless classes have many images.
    """
    levels = tables[0].shape[1]
    met = np.zeros(rows.shape[1] * levels, np.int32)
    for i in range(len(rows)):
        members = indices[offsets[i] : offsets[i + 1]]
        if len(members) < levels:
            _add_each(members, counts, rows[i], tables, sums[i])
        else:
            met[:] = 0
            _count_each(members, counts, rows[i], levels, met)
            _add_met(met, rows[i], tables, sums[i])


@compiled
def _count_each(
    members: Indices, counts: npt.NDArray[Any], rows: Indices, levels: int, met: npt.NDArray[np.int32]
) -> None:
    """Count how often each voter has each count: ``met[voter * levels + count]``."""
    classes, units, looked_up, row, times = (
        counts.shape[1],
        pointer(members),
        pointer(counts),
        pointer(rows),
        pointer(met),
    )
    for member in range(len(members)):
        if member + _AHEAD < len(members):
            fetch(looked_up, units[member + _AHEAD] * classes)
        first = units[member] * classes
        for v in range(len(rows)):
            count = np.int64(looked_up[first + row[v]]) if row[v] < classes else 0
            times[v * levels + count] += 1


@compiled
def _add_met(met: npt.NDArray[np.int32], rows: Indices, tables: Tables, total: Floats) -> None:
    """Add what each count stands for, as often as it was met."""
    odds, frequency, log_frequency = tables
    voters, levels = len(rows), tables[0].shape[1]
    for v in range(voters):
        row = rows[v]
        for count in range(levels):
            total[v] += met[v * levels + count] * odds[row, count]
    for v in range(RANKS):
        row = rows[v]
        for count in range(levels):
            times = met[v * levels + count]
            total[voters + v] += times if count > 0 else 0
            total[voters + RANKS + v] += times * frequency[row, count]
            total[voters + 2 * RANKS + v] += times * log_frequency[row, count]


@compiled
def _add_each(members: Indices, counts: npt.NDArray[Any], rows: Indices, tables: Tables, total: Floats) -> None:
    """Look up every member for every voter."""
    odds, frequency, log_frequency = tables
    voters, classes = len(rows), counts.shape[1]
    for unit in members:
        for v in range(voters):
            row = rows[v]
            count = np.int64(counts[unit, row]) if row < classes else 0
            total[v] += odds[row, count]
            if v < RANKS:
                total[voters + v] += 1.0 if count > 0 else 0.0
                total[voters + RANKS + v] += frequency[row, count]
                total[voters + 2 * RANKS + v] += log_frequency[row, count]
