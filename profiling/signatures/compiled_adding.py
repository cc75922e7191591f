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
    """Do what ``adding.add_up`` does, but by adding to ``sums``, which must be zeros."""
    classes, voters, levels = counts.shape[1], rows.shape[1], tables[0].shape[1]
    units, looked_up = pointer(indices), pointer(counts)
    odds, frequency, log_frequency = pointer(tables[0]), pointer(tables[1]), pointer(tables[2])
    for i in range(len(rows)):
        row, total = pointer(rows[i]), pointer(sums[i])
        for member in range(offsets[i], offsets[i + 1]):
            if member + _AHEAD < offsets[i + 1]:
                fetch(looked_up, units[member + _AHEAD] * classes)
            first = units[member] * classes
            for v in range(voters):
                count = np.int64(looked_up[first + row[v]]) if row[v] < classes else 0
                total[v] += odds[row[v] * levels + count]
            for v in range(RANKS):
                count = np.int64(looked_up[first + row[v]]) if row[v] < classes else 0
                at = row[v] * levels + count
                total[voters + v] += 1.0 if count > 0 else 0.0
                total[voters + RANKS + v] += frequency[at]
                total[voters + 2 * RANKS + v] += log_frequency[at]
