"""Decide sixteen units at once, one in each lane, by sorting all their contributions. Compiled, no GIL.

Nothing is summed across a vector, and hardly a branch depends on the numbers: sums and searches of one unit alone
would wait for each other, and a processor foresees badly how many contributions a unit needs.
"""

from __future__ import annotations

import numpy as np

from pathprint.profiling.compiled.caching import inlined
from pathprint.profiling.compiled.sorting import ROWS, merge_rows, sort_rows
from pathprint.profiling.compiled.vectors import LANES, add, after, load, maximum, splat, store, transpose
from pathprint.profiling.paths.kernels.cpu.aiming import aim
from pathprint.profiling.paths.kernels.cpu.choosing import F32, Options
from pathprint.profiling.paths.kernels.cpu.cutting import cut_rows
from pathprint.profiling.paths.kernels.cpu.receptive_fields import Pointers, from_table, weigh
from pathprint.profiling.paths.kernels.cpu.scratch import CHANNEL, GROUP, POSITION, SIGN, Group

_NINE = 9
"""Contributions to a unit of the most common kind of short rows, 3 x 3 of one channel."""


@inlined
def decide_abreast(group: Group, layer: Pointers, count: int, options: Options) -> tuple[np.uint64, np.uint64]:
    """Cut ``count`` units that have up to ``2 * ROWS`` contributions.

    Returns:
        a bit for each unit to be decided in float64, and for each that may need more than the rows hold.
    """
    for g in range(count):
        out = after(group.contributions, g * layer.stride)
        o, e, sign = group.counts[CHANNEL + g], group.counts[POSITION + g], group.numbers[SIGN + g]
        if from_table(layer, e):
            _look_up(group, layer, g, out)
        else:  # the sums of one unit are not needed, and so not computed
            weigh(group.x, layer, o * layer.size, e, layer.first[o], sign, out)
    net, positive = splat(np.float32(0)), splat(np.float32(0))
    for k in range(0, layer.size, ROWS):
        side_by_side(group.contributions, k, layer.stride, group.rows, k * LANES)
        for row in range(k, k + ROWS):
            value = load(group.rows, row * LANES)
            net, positive = add(net, value), add(positive, maximum(value, splat(np.float32(0))))
        sort_rows(group.rows, k * LANES)
    if layer.size > ROWS:
        merge_rows(group.rows, 0, ROWS * LANES)
    unsure = aim(group, net, positive, layer.size, options)
    near, more, _ = cut_rows(group, layer.size)
    return unsure | near, more & ~unsure


@inlined
def side_by_side(source: F32, at: int, stride: int, rows: F32, to: int) -> None:
    """Write sixteen numbers of each unit, which lie ``stride`` apart, to the unit's lane of sixteen rows."""
    for g in range(0, GROUP, 8):
        for k in range(0, ROWS, 8):
            transpose(source, g * stride + at + k, stride, rows, to + k * LANES + g)


@inlined
def _look_up(group: Group, layer: Pointers, g: int, out: F32) -> None:
    """Write the contributions to a unit, whose inputs a table finds, one by one: vectors gain nothing with so few."""
    o, e, sign = group.counts[CHANNEL + g], group.counts[POSITION + g], group.numbers[SIGN + g]
    x, weight, vectors = after(group.x, layer.first[o]), after(layer.weight, o * layer.size), layer.size // LANES
    table, inside = after(layer.table, e * layer.size), after(layer.inside, e * vectors)
    for k in range(0, layer.size, LANES):
        store(out, k, splat(np.float32(0)))
    if layer.fan_in == _NINE and inside[0] == (1 << _NINE) - 1:
        for k in range(_NINE):
            out[k] = x[table[k]] * weight[k] * sign
    else:
        for k in range(layer.size):
            if np.int64(inside[k // LANES]) >> (k % LANES) & 1:
                out[k] = x[table[k]] * weight[k] * sign
