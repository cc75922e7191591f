"""Sort numbers that lie in one lane of several rows, all lanes at once, without a branch.

A sorting network compares the same pairs of rows whatever the numbers are, so that sixteen lanes are sorted in the
time of one. The functions below can only be called from compiled code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types

from pathprint.profiling.compiled.vectors import LANES, intrinsic

ROWS = 16
"""Rows that are sorted."""

_PAIRS = (
    (0, 13), (1, 12), (2, 15), (3, 14), (4, 8), (5, 6), (7, 11), (9, 10),
    (0, 5), (1, 7), (2, 9), (3, 4), (6, 13), (8, 14), (10, 15), (11, 12),
    (0, 1), (2, 3), (4, 5), (6, 8), (7, 9), (10, 11), (12, 13), (14, 15),
    (0, 2), (1, 3), (4, 10), (5, 11), (6, 7), (8, 9), (12, 14), (13, 15),
    (1, 2), (3, 12), (4, 6), (5, 7), (8, 10), (9, 11), (13, 14),
    (1, 4), (2, 6), (5, 8), (7, 10), (9, 13), (11, 14),
    (2, 4), (3, 6), (9, 12), (11, 13),
    (3, 5), (6, 8), (7, 9), (10, 12),
    (3, 4), (5, 6), (7, 8), (9, 10), (11, 12),
    (6, 7), (8, 9),
)  # fmt: skip
"""The shortest known network for sixteen numbers (Knuth, The Art of Computer Programming, volume 3, section 5.3.4)."""
_BITONIC = tuple((row, row + step) for step in (8, 4, 2, 1) for row in range(ROWS) if not row & step)
"""Sorts what first falls and then rises, or the other way round (Batcher, 1968)."""

_HALF = ir.VectorType(ir.FloatType(), LANES // 2)
"""Half of the lanes: sixteen rows of it fit the registers of a processor with AVX2."""


@intrinsic
def sort_rows(typing: Any, rows: Any, at: Any) -> Any:
    """Sort the sixteen numbers of each lane, the largest first: ``rows[at + row * LANES + lane]``, float32, no nan."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = context.cast(builder, args[1], signature.args[1], types.intp)
        for half in (0, LANES // 2):
            places = _places(builder, args[0], first, half)
            _put(builder, places, _exchanged(builder, _taken(builder, places), _PAIRS))
        return context.get_dummy_value()

    return types.void(rows, at), generate


@intrinsic
def merge_rows(typing: Any, rows: Any, at: Any, more: Any) -> Any:
    """Sort the numbers of each lane in two times sixteen rows that are sorted: the largest are at ``rows[at]``.

    Args:
        more: where in ``rows`` the other sixteen are, and the smallest will be.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, second = (context.cast(builder, args[k], signature.args[k], types.intp) for k in (1, 2))
        for half in (0, LANES // 2):
            ours, theirs = (_places(builder, args[0], place, half) for place in (first, second))
            pairs = zip(_taken(builder, ours), reversed(_taken(builder, theirs)), strict=True)
            larger, smaller = zip(*(_ordered(builder, a, b) for a, b in pairs), strict=True)
            _put(builder, ours, _exchanged(builder, list(larger), _BITONIC))
            _put(builder, theirs, _exchanged(builder, list(smaller), _BITONIC))
        return context.get_dummy_value()

    return types.void(rows, at, more), generate


def _places(builder: Any, rows: Any, first: Any, half: int) -> list[Any]:
    kind = _HALF.as_pointer()
    return [
        builder.bitcast(builder.gep(rows, [builder.add(first, ir.IntType(64)(row * LANES + half))]), kind)
        for row in range(ROWS)
    ]


def _taken(builder: Any, places: Sequence[Any]) -> list[Any]:
    return [builder.load(place, align=4) for place in places]


def _put(builder: Any, places: Sequence[Any], rows: Sequence[Any]) -> None:
    for place, row in zip(places, rows, strict=True):
        builder.store(row, place, align=4)


def _exchanged(builder: Any, rows: list[Any], pairs: Sequence[tuple[int, int]]) -> list[Any]:
    """Return the rows after each pair has been put in order."""
    for a, b in pairs:
        rows[a], rows[b] = _ordered(builder, rows[a], rows[b])
    return rows


def _ordered(builder: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Return the larger numbers of two rows, and the others."""
    larger = builder.fcmp_ordered(">", a, b)
    return builder.select(larger, a, b), builder.select(larger, b, a)
