"""Sorting networks against sorting, lane by lane."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pathprint.profiling.compiled import sorting, vectors
from pathprint.profiling.compiled.caching import compiled

F32 = NDArray[np.float32]
LANES, ROWS = vectors.LANES, sorting.ROWS


@compiled
def sorted_once(rows: F32, at: int) -> None:
    sorting.sort_rows(vectors.pointer(rows), at)


@compiled
def sorted_together(rows: F32) -> None:
    sorting.sort_rows(vectors.pointer(rows), 0)
    sorting.sort_rows(vectors.pointer(rows), ROWS * LANES)
    sorting.merge_rows(vectors.pointer(rows), 0, ROWS * LANES)


def test_every_order_of_zeros_and_ones_is_sorted() -> None:
    """A network that sorts these sorts everything (Knuth, section 5.3.4)."""
    orders = np.arange(1 << ROWS)
    for some in orders.reshape(-1, LANES):
        rows = (some[None, :] >> np.arange(ROWS)[:, None] & 1).astype(np.float32)
        expected = -np.sort(-rows, axis=0)
        sorted_once(rows.reshape(-1), 0)
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("seed", range(20))
def test_two_times_sixteen_rows_are_merged(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.integers(-5, 6, (2 * ROWS, LANES)).astype(np.float32)
    expected = -np.sort(-rows, axis=0)
    sorted_together(rows.reshape(-1))
    np.testing.assert_array_equal(rows, expected)


def test_nothing_beside_the_rows_is_touched() -> None:
    rows = np.arange((ROWS + 2) * LANES, dtype=np.float32)
    before = rows.copy()
    sorted_once(rows, LANES)
    np.testing.assert_array_equal(rows[:LANES], before[:LANES])
    np.testing.assert_array_equal(rows[-LANES:], before[-LANES:])
