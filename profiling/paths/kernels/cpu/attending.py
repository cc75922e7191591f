"""Choose the values of an attention. Compiled, no GIL.

The contributions to a unit are attention weights times values, one for each key. The weights of a
query lie side by side; the values of a column do not, so a column is brought together when a unit
of it is first wanted, and stays for the other queries of its row.

Totals are first summed in float32, together with a bound on their error. A unit is decided again,
with sums in float64, only if a comparison is within that bound.
"""

from __future__ import annotations

from math import frexp, ldexp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathprint.profiling.compiled.caching import compiled, inlined
from pathprint.profiling.compiled.vectors import (
    BYTES,
    LANES,
    absolute,
    add,
    after,
    at_least,
    bits_at,
    load,
    lowest,
    maximum,
    multiply,
    negative,
    pointer,
    splat,
    store,
    total,
    where_larger,
)
from pathprint.profiling.paths.kernels.cpu.choosing import (
    ANY,
    F32,
    I32,
    I64,
    NOTHING,
    Options,
    decide,
    largest_of,
    total_of,
)

U8 = NDArray[np.uint8]

_ROUNDING = 6.0e-8
"""A little more than the largest relative error of one float32 operation."""
_ONE_BY_ONE = 6
"""How many contributions to a unit are looked up one by one; if it needs more, a level is looked for."""
_FEW_LEFT = 6
"""About how many contributions may lie between a level that suffices and one that does not."""
_SMALL, _LARGE = 1e-25, 1e37
"""Between these absolute sums, no product or sum in float32 is rounded by more than ``_ROUNDING``, or overflows."""


class Buffers(NamedTuple):
    """Buffers of a thread, whose entries beyond the number of keys are zero.

    Attributes:
        columns: the values of each column, one column after the other.
        held: for each column, the row that its values are from; -1 if there are none.
        weights: the weights of one query.
        contributions: of one unit.
        rank, place: 0, 1, 2, … : a contribution's rank and its place in the buffer are equal.
        kept: set to the chosen keys.
    """

    columns: F32
    held: I64
    weights: F32
    contributions: F32
    rank: F32
    place: I32
    kept: I64


class _Unit(NamedTuple):
    """One unit and the buffers that it is decided in, as pointers for inner loops (see ``vectors.pointer``)."""

    values: F32
    weights: F32
    contributions: F32
    rank: F32
    place: I32
    kept: I64
    size: int
    minus: bool


def buffers_for(keys: int, width: int) -> Buffers:
    """Return empty buffers for an attention with ``keys`` keys and ``width`` columns."""
    size = -(-keys // LANES) * LANES
    return Buffers(
        columns=np.zeros(width * size, np.float32),
        held=np.full(width, -1, np.int64),
        weights=np.zeros(size, np.float32),
        contributions=np.zeros(size, np.float32),
        rank=np.arange(size, dtype=np.float32),
        place=np.arange(size, dtype=np.int32),
        kept=np.zeros(size, np.int64),
    )


@compiled
def attend(
    parts: tuple[F32, F32, F32], mask: U8, sizes: tuple[int, int, int], options: Options, buffers: Buffers
) -> U8:
    """Choose values for every wanted output of an attention; return them as a mask.

    Args:
        parts: of each image the weights ``(rows, queries, keys)``, the values ``(rows, keys, width)`` and the outputs
            ``(rows, queries, width)``, flattened. Only the signs of outputs matter.
        mask: the wanted outputs.
        sizes: numbers of queries, keys and columns.
        buffers: as ``buffers_for`` returns them.
    """
    weights, values, outputs = parts
    queries, keys, width = sizes
    chosen, size = np.zeros(values.shape, np.uint8), len(buffers.rank)
    columns, held, kept = pointer(buffers.columns), pointer(buffers.held), pointer(buffers.kept)
    own, contributions = pointer(buffers.weights), pointer(buffers.contributions)
    rank, place = pointer(buffers.rank), pointer(buffers.place)
    for i in range(len(values)):
        wanted, result, marked = pointer(mask[i]), pointer(outputs[i]), pointer(chosen[i])
        given, of_image = pointer(weights[i]), pointer(values[i])
        buffers.held[:] = -1
        last = np.int64(-1)
        for at in range(0, mask.shape[1], BYTES):
            bits = bits_at(wanted, at, mask.shape[1])
            while bits:
                unit = at + lowest(bits)
                bits &= bits - np.uint64(1)
                query = np.int64(np.uint32(unit) // np.uint32(width))  # unsigned division has no special cases
                column = unit - query * width
                row = np.int64(np.uint32(query) // np.uint32(queries))
                first = row * keys * width + column
                if query != last:
                    _copy(given, query * keys, 1, own, keys)
                    last = query
                column_of = after(columns, column * size)
                if held[column] != row:
                    _copy(of_image, first, width, column_of, keys)
                    held[column] = row
                minus = result[unit] < 0
                count = _choose(_Unit(column_of, own, contributions, rank, place, kept, size, minus), options)
                for k in range(count):
                    marked[first + kept[k] * width] = 1
    return chosen


@inlined
def _copy(source: F32, first: np.int64, stride: int, target: F32, count: int) -> None:
    """Set the first ``count`` entries of ``target`` to every ``stride``-th one of ``source``."""
    for k in range(count):
        target[k] = source[first + k * stride]


@compiled
def _choose(unit: _Unit, options: Options) -> int:
    """Choose keys for one unit, write them to ``kept`` and return how many they are."""
    net, gross = _weigh(unit)
    slack = (unit.size // LANES + 8) * _ROUNDING * gross
    aim = total_of(net, gross, 0.0, options.reference)
    if not (_SMALL < gross < _LARGE and abs(aim) > slack):
        return int(_choose_exactly(unit, options))
    if aim < 0 and not options.keep_largest:
        return 0
    target, count, reached = options.theta * aim if aim > 0 else ANY, 0, 0.0
    while reached < target:
        if count == _ONE_BY_ONE:
            count = _choose_above_a_level(unit, target - reached, slack, count)
            return count if count >= 0 else int(_choose_exactly(unit, options))
        value, key = largest_of(unit.contributions, unit.size, unit.rank)
        if not value > NOTHING:
            return count
        reached += np.float64(value)
        if aim > 0 and abs(reached - target) < slack:
            return int(_choose_exactly(unit, options))
        _take(unit, int(key), count)
        count += 1
    return count


@inlined
def _take(unit: _Unit, key: int, count: int) -> None:
    unit.kept[count] = key
    unit.contributions[key] = 0


@compiled
def _choose_above_a_level(unit: _Unit, missing: float, slack: float, count: int) -> int:
    """Go on choosing for a unit that needs many contributions: until ``missing`` is reached, after ``count``.

    The level above which contributions do not yet suffice is found by halving; only the few below it are ordered.

    Returns:
        how many were chosen in all; -1 if a comparison is within ``slack``.
    """
    top = np.float64(largest_of(unit.contributions, unit.size, unit.rank)[0])
    low, high = np.float32(0), np.float32(top * 1.000001)  # what is at least ``low`` suffices, at least ``high`` not
    enough, base = _sum_from(unit, low), 0.0
    if enough < missing + slack:
        return -1
    while enough - base > _FEW_LEFT * np.float64(high):
        level = np.float32((np.float64(low) + np.float64(high)) / 2)
        reached = _sum_from(unit, level)
        if abs(reached - missing) < slack or level <= low or level >= high:
            return -1
        if reached < missing:
            high, base = level, reached
        else:
            low, enough = level, reached
    reached = 0.0
    for at in range(0, unit.size, LANES):
        bits = at_least(load(unit.contributions, at), high)
        while bits:
            key = at + lowest(bits)
            bits &= bits - np.uint64(1)
            reached += np.float64(unit.contributions[key])
            _take(unit, key, count)
            count += 1
    while reached < missing:
        value, key = largest_of(unit.contributions, unit.size, unit.rank)
        if not value > NOTHING:
            return -1
        reached += np.float64(value)
        if abs(reached - missing) < slack:
            return -1
        _take(unit, int(key), count)
        count += 1
    return count


@inlined
def _sum_from(unit: _Unit, level: np.float32) -> float:
    """Return the sum of the positive contributions that are at least ``level``."""
    found, nothing, least = splat(np.float32(0)), splat(np.float32(0)), splat(level)
    for at in range(0, unit.size, LANES):
        some = maximum(load(unit.contributions, at), nothing)
        found = add(found, where_larger(least, some, nothing, some))
    return np.float64(total(found))


@inlined
def _weigh(unit: _Unit) -> tuple[float, float]:
    """Write a unit's contributions to the buffer; return their sum and absolute sum."""
    net, gross = splat(np.float32(0)), splat(np.float32(0))
    for at in range(0, unit.size, LANES):
        value = multiply(load(unit.values, at), load(unit.weights, at))
        if unit.minus:
            value = negative(value)
        store(unit.contributions, at, value)
        net, gross = add(net, value), add(gross, absolute(value))
    return np.float64(total(net)), np.float64(total(gross))


@compiled
def _choose_exactly(unit: _Unit, options: Options) -> int:
    """Choose keys for one unit by float64 sums of exact products, of whatever size they are and however many.

    The contributions are scaled by a power of two, which keeps the largest from overflowing and those that matter
    from being rounded to zero.
    """
    net, gross, top = 0.0, 0.0, 0.0
    for k in range(unit.size):
        exact = np.float64(unit.values[k]) * np.float64(unit.weights[k])
        net, gross, top = net + exact, gross + abs(exact), max(top, abs(exact))
    if top == 0:
        return 0
    scale = ldexp(1.0, -frexp(top)[1])
    if unit.minus:
        scale = -scale
    for k in range(unit.size):
        unit.contributions[k] = np.float32(np.float64(unit.values[k]) * np.float64(unit.weights[k]) * scale)
    aim = total_of(net * scale, gross * abs(scale), 0.0, options.reference)
    return int(decide(unit.contributions, unit.size, unit.rank, unit.place, aim, options, unit.kept))
