"""``tallying.tally``, compiled; it runs without the GIL. Each unit of a path must be in it once."""

from __future__ import annotations

import numpy as np

from pathprint.profiling.arrays import Counts, Indices
from pathprint.profiling.compiled.caching import compiled
from pathprint.profiling.compiled.counting import ones
from pathprint.profiling.compiled.vectors import lowest, pointer
from pathprint.profiling.paths.path import Members
from pathprint.profiling.signatures.levels import LEVELS
from pathprint.profiling.signatures.planes import GROUP, PLANES, Words
from pathprint.profiling.signatures.tallying import Column

_ONE, _GROUP = np.uint64(1), np.uint64(64)
# Compiled code is found again while this file stays as it is, so numbers from other files must not change under it.
assert (GROUP, PLANES, LEVELS) == (64, 2, 3)


def tally(column: Column, members: Members, rows: Indices) -> Counts:
    """Do what ``tallying.tally`` does."""
    found = np.zeros((*rows.shape, LEVELS + 1), np.int64)
    path = np.zeros(column.head_words * GROUP, np.uint64)
    _tally(members.offsets, members.indices, column.words, column.heads, column.bodies, rows, path, found)
    return found


@compiled
def _tally(
    offsets: Indices,
    indices: Indices,
    words: Words,
    heads: Indices,
    bodies: Indices,
    rows: Indices,
    path: Words,
    found: Counts,
) -> None:
    """Fill ``found``; ``path``, zeros of 64 words for each head word, is where one path at a time is marked."""
    units, stored, marked = pointer(indices), pointer(words), pointer(path)
    for i in range(len(rows)):
        for member in range(offsets[i], offsets[i + 1]):
            unit = np.uint64(units[member])
            marked[unit // _GROUP] |= _ONE << (unit % _GROUP)
        row, counted = pointer(rows[i]), pointer(found[i])
        for v in range(rows.shape[1]):
            first, second, third = np.int64(0), np.int64(0), np.int64(0)
            if row[v] < len(heads):
                at = bodies[row[v]]
                for head in range(len(path) // 64):
                    groups = stored[heads[row[v]] + head]
                    while groups:
                        own = marked[head * 64 + lowest(groups)]
                        low, high = stored[at] & own, stored[at + 1] & own
                        both = low & high
                        first += ones(low ^ both)
                        second += ones(high ^ both)
                        third += ones(both)
                        groups &= groups - _ONE
                        at += 2
            place = v * 4
            counted[place] = offsets[i + 1] - offsets[i] - first - second - third
            counted[place + 1], counted[place + 2], counted[place + 3] = first, second, third
        for member in range(offsets[i], offsets[i + 1]):
            marked[np.uint64(units[member]) // _GROUP] = np.uint64(0)
