"""Add up what class signatures say of the units of paths: the inner loop of similarity, in plain numpy.

``compiled_adding`` is faster. This module works without numba, and defines what both compute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Floats, Indices

RANKS = 2
"""The predicted class and the runner-up: the first two that vote."""

Tables = tuple[Floats, Floats, Floats]
AddUp = Callable[[Indices, Indices, npt.NDArray[Any], Indices, Tables, Floats], None]


def add_up(
    offsets: Indices, indices: Indices, counts: npt.NDArray[Any], rows: Indices, tables: Tables, sums: Floats
) -> None:
    """Set ``sums``, ``(n, voters + 6)``, to what each image's members add up to; see ``lookup.Sums``.

    Args:
        offsets, indices: the members of each image.
        counts: in how many images' paths each unit is, for each signature, ``(size, k)``.
        rows: signature rows of the voters, ``(n, v)``; k for a class without a signature.
        tables: what is added for each row and count, ``(k + 1, counts)`` each.
    """
    padded = np.pad(counts, ((0, 0), (0, 1)))  # the added column, of no signature, has counted nothing
    odds, frequency, log_frequency = tables
    for i, voters in enumerate(rows):
        found = padded[indices[offsets[i] : offsets[i + 1]]][:, voters]
        first, classes = found[:, :RANKS], voters[:RANKS]
        parts = (first > 0, frequency[classes, first], log_frequency[classes, first])
        sums[i] = np.concatenate([odds[voters, found].sum(0), *(part.sum(0) for part in parts)])
