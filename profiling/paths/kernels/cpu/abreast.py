"""Decide sixteen units at once, one in each lane. Compiled, no GIL.

Nothing is summed across a vector, and hardly a branch depends on the numbers: sums and searches of one
unit alone would wait for each other, and a processor foresees badly how many contributions a unit needs.
"""

from __future__ import annotations

import numpy as np

from pathprint.profiling.compiled.caching import inlined
from pathprint.profiling.compiled.vectors import (
    LANES,
    absolute,
    add,
    after,
    divide,
    less,
    load,
    lowest,
    maximum,
    multiply,
    splat,
    store,
    subtract,
    transpose,
    where_equal,
    where_larger,
    where_set,
)
from pathprint.profiling.paths.kernels.cpu.aiming import aim
from pathprint.profiling.paths.kernels.cpu.choosing import NOTHING, Options
from pathprint.profiling.paths.kernels.cpu.receptive_fields import Pointers
from pathprint.profiling.paths.kernels.cpu.scratch import (
    CHANNEL,
    CHOSEN,
    GROUP,
    POSITION,
    REACHED,
    SIGN,
    SLACK,
    TARGET,
    Group,
)

_TURNS = 4
"""Turns that are taken: of units that need more the level is looked for above which all is taken."""
_STEPS = 12
"""Steps in which that level is looked for; units that need more are decided with sums in float64."""
_LEAST = np.float32(3e-45)
"""The smallest float32 above ``NOTHING``."""
_NINE = 9
"""Contributions to a unit of the most common kind of short rows, 3 x 3 of one channel."""


@inlined
def decide_abreast(group: Group, layer: Pointers, count: int, options: Options) -> tuple[np.uint64, int]:
    """Choose for ``count`` units that have few contributions; return what ``take_in_turns`` does."""
    entries = layer.size
    if layer.short:
        _lay_out_short(group, layer, count)
        entries = layer.fan_in
    else:
        _lay_out_long(group, layer, count)
    sign, nothing = load(group.numbers, SIGN), splat(np.float32(0))
    net, positive = nothing, nothing
    for k in range(entries):
        value = multiply(load(group.abreast, k * LANES), sign)
        some = maximum(value, nothing)
        store(group.abreast, k * LANES, some)
        net, positive = add(net, value), add(positive, some)
    unsure = aim(group, net, positive, entries, options)
    more, turns = take_in_turns(group, entries, layer.ordered)
    return unsure | more, turns


@inlined
def _lay_out_short(group: Group, layer: Pointers, count: int) -> None:
    """Write each contribution of every unit to its lane: inputs that a table finds, times weights."""
    for g in range(count):
        o, e = group.counts[CHANNEL + g], group.counts[POSITION + g]
        x, lane = after(group.x, layer.first[o]), after(group.abreast, g)
        weight, table = after(layer.weight, o * layer.size), after(layer.table, e * layer.size)
        inside = after(layer.inside, e * (layer.size // LANES))
        if layer.fan_in == _NINE and inside[0] == (1 << _NINE) - 1:
            for k in range(_NINE):
                lane[k * LANES] = x[table[k]] * weight[k]
        else:
            for k in range(layer.fan_in):
                exists = np.int64(inside[k // LANES]) >> (k % LANES) & 1
                lane[k * LANES] = x[table[k]] * weight[k] if exists else np.float32(0)


@inlined
def _lay_out_long(group: Group, layer: Pointers, count: int) -> None:
    """Write each contribution of every unit to its lane: rows of inputs times weights, eight units at a time."""
    for g in range(count):
        o, e = group.counts[CHANNEL + g], group.counts[POSITION + g]
        weight, k = after(layer.weight, o * layer.size), 0
        out = after(group.contributions, g * layer.size)
        for t in range(layer.window):
            tap = np.int64(layer.taps[e * layer.window + t])
            x = after(group.x, tap * layer.channels + layer.first[o])
            for b in range(0, layer.per_group, LANES):
                value = splat(np.float32(0))
                if tap >= 0:
                    value = multiply(load(x, min(b, layer.per_group - LANES)), load(weight, k))
                store(out, k, value)
                k += LANES
    for g in range(0, count, 8):
        for k in range(0, layer.size, 8):
            transpose(group.contributions, g * layer.size + k, layer.size, group.abreast, k * LANES + g)


@inlined
def take_in_turns(group: Group, entries: int, ordered: bool) -> tuple[np.uint64, int]:
    """Take each unit's largest contributions from ``abreast``, one a turn, until they suffice.

    Args:
        entries: rows of ``abreast``.
        ordered: whether those of a unit are in the order of ranks, so that of equal ones the first is taken.

    Returns:
        a bit for each unit that has to be decided with sums in float64, and the number of turns.
    """
    target, slack, one = load(group.numbers, TARGET), load(group.numbers, SLACK), splat(np.float32(1))
    nothing, least = splat(np.float32(0)), splat(NOTHING)
    far = splat(np.float32(np.inf))
    reached, chosen, last, nearest = nothing, nothing, nothing, far
    more, turn = less(nothing, target), 0
    while more and turn < _TURNS:
        best, at, row = nothing, nothing, nothing
        for entry in range(entries):
            some = load(group.abreast, entry * LANES)
            at, best, row = where_larger(some, best, row, at), maximum(some, best), add(row, one)
        gained = where_larger(best, least, where_larger(target, reached, best, nothing), nothing)
        last = where_larger(gained, nothing, gained, last)
        chosen = add(chosen, where_larger(gained, nothing, one, nothing))
        reached = add(reached, gained)
        miss = where_larger(gained, nothing, absolute(subtract(reached, target)), far)
        nearest = where_larger(nearest, miss, miss, nearest)
        store(group.taken, turn * GROUP, at)
        group.turns[turn] = less(nothing, gained)
        more = less(reached, target) & group.turns[turn]
        left = more
        while left:
            g = lowest(left)
            left &= left - np.uint64(1)
            group.abreast[np.int64(group.taken[turn * GROUP + g]) * LANES + g] = np.float32(0)
        turn += 1
    store(group.numbers, CHOSEN, chosen)
    store(group.numbers, REACHED, reached)
    unsure = less(nearest, slack)
    if not ordered:
        unsure |= _tied(group, entries, last)
    more &= ~unsure
    return take_above(group, entries, more, unsure, turn) if more else (unsure, turn)


@inlined
def take_above(group: Group, entries: int, units: np.uint64, unsure: np.uint64, turns: int) -> tuple[np.uint64, int]:
    """Take for some units at once everything above a level that parts what just suffices from the rest.

    Between a level that suffices and one that does not, the next is the mean of what lies there, so that each
    step leaves less.

    Args:
        units: a bit for each unit.

    Returns:
        what ``take_in_turns`` does; each row of ``abreast`` that some unit takes counts as a turn.
    """
    nothing, one = splat(np.float32(0)), splat(np.float32(1))
    target, slack = subtract(load(group.numbers, TARGET), load(group.numbers, REACHED)), load(group.numbers, SLACK)
    low, (found, many) = splat(_LEAST), above(group, entries, splat(_LEAST))
    # Where all together do not suffice, all are taken, and no level is looked for.
    over, fewer = nothing, where_larger(target, found, many, nothing)
    for _ in range(_STEPS):
        if not less(one, subtract(many, fewer)) & units:
            break
        level = divide(subtract(found, over), subtract(many, fewer))
        some, count = above(group, entries, level)
        low, found, many, over, fewer = (
            where_larger(target, some, low, level),
            where_larger(target, some, found, some),
            where_larger(target, some, many, count),
            where_larger(target, some, some, over),
            where_larger(target, some, count, fewer),
        )
    open_still = less(one, subtract(many, fewer))
    near = less(absolute(subtract(found, target)), slack) | less(absolute(subtract(over, target)), slack)
    chosen = load(group.numbers, CHOSEN)
    store(group.numbers, CHOSEN, where_set(units, add(chosen, many), chosen))
    for row in range(entries):
        taking = ~less(load(group.abreast, row * LANES), low) & units
        if taking:
            group.turns[turns] = taking
            store(group.taken, turns * GROUP, splat(np.float32(row)))
            turns += 1
    return unsure | ((open_still | near) & units), turns


@inlined
def above(group: Group, entries: int, level: object) -> tuple[object, object]:
    """Return for each unit the sum and the number of its contributions of at least ``level``."""
    nothing, one = splat(np.float32(0)), splat(np.float32(1))
    found, many = nothing, nothing
    for row in range(entries):
        some = load(group.abreast, row * LANES)
        found = add(found, where_larger(level, some, nothing, some))
        many = add(many, where_larger(level, some, nothing, one))
    return found, many


@inlined
def _tied(group: Group, entries: int, last: object) -> np.uint64:
    """Return a bit for each unit with a contribution left that equals the last one taken, which is still there."""
    nothing, one = splat(np.float32(0)), splat(np.float32(1))
    equals = nothing
    for entry in range(entries):
        equals = add(equals, where_equal(load(group.abreast, entry * LANES), last, one, nothing))
    tied: np.uint64 = less(one, where_larger(last, nothing, equals, nothing))
    return tied
