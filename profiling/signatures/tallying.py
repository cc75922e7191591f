"""Count how many units of a path have each level of a compact signature: the inner loop of similarity, in plain numpy.

``compiled_tallying`` is faster. This module works without numba, and defines what both compute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Counts, Indices
from pathprint.profiling.paths.path import Members
from pathprint.profiling.signatures.levels import LEVELS
from pathprint.profiling.signatures.planes import GROUP, Words, levels_of


@dataclass(frozen=True, eq=False)
class Column:
    """One layer and kind of compact signatures.

    Attributes:
        size: number of units.
        words: all rows.
        heads, bodies: where the words of each row begin that say which groups there are, and their levels, ``(k,)``.
        ends: where the levels end, ``(k,)``.
    """

    size: int
    words: Words
    heads: Indices
    bodies: Indices
    ends: Indices

    @property
    def head_words(self) -> int:
        """Number of words that say which groups there are."""
        return -(-self.size // GROUP**2)

    def levels(self, row: int) -> Indices:
        """Return the level of each unit in a row, ``(size,)``."""
        head = self.words[self.heads[row] : self.heads[row] + self.head_words]
        return levels_of(self.size, head, self.words[self.bodies[row] : self.ends[row]]).astype(np.int64)


Tally = Callable[[Column, Members, Indices], Counts]


def tally(column: Column, members: Members, rows: Indices) -> Counts:
    """Return how many units of each path have each level, ``(n, v, LEVELS + 1)``.

    Args:
        rows: signature rows of the voters, ``(n, v)``; k for a class without a signature, where all are at level 0.
    """
    found = np.zeros((*rows.shape, LEVELS + 1), np.int64)
    for i, voters in enumerate(rows):
        own = members.one(i)
        for v, row in enumerate(voters):
            levels = column.levels(row)[own] if row < len(column.heads) else np.zeros(len(own), np.int64)
            found[i, v] = np.bincount(levels, minlength=LEVELS + 1)
    return found
