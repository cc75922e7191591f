"""Weigh one unit after the other: what suits units with many contributions. Compiled, no GIL.

While a unit is weighed, each lane keeps the largest contribution that it has met. These sixteen say
above which level enough is to be found. What lies above it, a few contributions, is picked out, and
sixteen units are then decided side by side.
"""

from __future__ import annotations

import numpy as np

from pathprint.profiling.compiled.caching import inlined
from pathprint.profiling.compiled.vectors import (
    BYTES,
    FEW_MARKS,
    LANES,
    add,
    after,
    at_least,
    less,
    load,
    lowest,
    maximum,
    population,
    splat,
    store,
    total,
    transpose,
    where_equal,
    where_larger,
)
from pathprint.profiling.paths.kernels.cpu.abreast import take_above, take_in_turns
from pathprint.profiling.paths.kernels.cpu.aiming import aim
from pathprint.profiling.paths.kernels.cpu.choosing import F32, Options
from pathprint.profiling.paths.kernels.cpu.receptive_fields import Pointers, weigh
from pathprint.profiling.paths.kernels.cpu.scratch import (
    CHANNEL,
    GOAL,
    GROSS,
    GROUP,
    HITS,
    LEVEL,
    NET,
    PICKED,
    POSITION,
    SIGN,
    SLACK,
    TARGET,
    Group,
)

_LEAST = np.float32(3e-45)
"""The smallest float32 above ``NOTHING``."""
_SIDE_BY_SIDE = 16
"""Contributions that are picked out for a unit, at most, for it to be decided beside others."""
_HALVINGS = 5
"""Steps in which a level is looked for below which the largest contributions of all lanes together lie."""


@inlined
def decide_singly(group: Group, layer: Pointers, count: int, options: Options) -> tuple[np.uint64, int]:
    """Choose for ``count`` units that have many contributions; return what ``take_in_turns`` does."""
    for g in range(count):
        o, e = group.counts[CHANNEL + g], group.counts[POSITION + g]
        out, sign = after(group.contributions, g * layer.size), group.numbers[SIGN + g]
        net, positive, top = weigh(group.x, layer, o * layer.size, e, layer.first[o], sign, out)
        group.numbers[NET + g], group.numbers[GROSS + g] = net, positive
        store(group.abreast, g * LANES, top)
    net, positive = load(group.numbers, NET), load(group.numbers, GROSS)
    unsure = aim(group, net, positive, layer.size // LANES, options)
    short = _set_levels(group)
    entries, wide = 0, np.uint64(0)
    for g in range(count):
        picked = 0
        if group.numbers[TARGET + g] > 0:
            picked = _pick(group, layer, g, short)
        if picked > HITS:
            unsure |= np.uint64(1) << np.uint64(g)
            picked = 0
        if picked > _SIDE_BY_SIDE:
            wide |= np.uint64(1) << np.uint64(g)
        else:
            entries = max(entries, picked)
        group.counts[PICKED + g] = picked
    more, turns = _take(group, layer, count, entries, wide)
    return unsure | more, turns


@inlined
def _take(group: Group, layer: Pointers, count: int, entries: int, wide: np.uint64) -> tuple[np.uint64, int]:
    """Take what was picked: side by side, but for the units of ``wide``, for which much was picked."""
    for g in range(count):
        group.numbers[GOAL + g] = group.numbers[TARGET + g]
        if wide >> np.uint64(g) & np.uint64(1):
            group.numbers[TARGET + g] = 0
        for row in range(group.counts[PICKED + g], entries):
            group.abreast[row * LANES + g] = np.float32(0)
    unsure, turns = take_in_turns(group, entries, layer.ordered)
    if wide:
        most = 0
        for g in range(count):
            most = max(most, group.counts[PICKED + g])
        for g in range(count):
            group.numbers[TARGET + g] = group.numbers[GOAL + g]
            if wide >> np.uint64(g) & np.uint64(1):
                for row in range(group.counts[PICKED + g], most):
                    group.abreast[row * LANES + g] = np.float32(0)
        return take_above(group, most, wide, unsure, turns)
    return unsure, turns


@inlined
def _set_levels(group: Group) -> np.uint64:
    """Set for each unit a level above which there is enough, as its lanes' largest contributions tell.

    Returns:
        a bit for each unit of which all sixteen together do not suffice.
    """
    rows = after(group.abreast, GROUP * LANES)
    for lane in range(0, LANES, 8):
        for unit in range(0, GROUP, 8):
            transpose(group.abreast, unit * LANES + lane, LANES, rows, lane * LANES + unit)
    nothing = splat(np.float32(0))
    target = add(load(group.numbers, TARGET), load(group.numbers, SLACK))
    reached, level = nothing, nothing
    for _ in range(LANES):
        best = nothing
        for lane in range(LANES):
            best = maximum(load(rows, lane * LANES), best)
        level = where_larger(target, reached, best, level)
        reached = add(reached, best)
        if not less(reached, target):
            break
        for lane in range(LANES):
            some = load(rows, lane * LANES)
            store(rows, lane * LANES, where_equal(some, best, nothing, some))
    store(group.numbers, LEVEL, level)
    short: np.uint64 = less(reached, target)
    return short


@inlined
def _pick(group: Group, layer: Pointers, g: int, short: np.uint64) -> int:
    """Pick out so many of the unit's largest contributions that they suffice; return how many, or ``HITS + 1``.

    Args:
        short: a bit for each unit whose level is too high: it is lowered until what lies above suffices.
    """
    level = group.numbers[LEVEL + g]
    if short >> np.uint64(g) & np.uint64(1):
        out, enough = after(group.contributions, g * layer.size), group.numbers[TARGET + g] + group.numbers[SLACK + g]
        low, high = np.float32(0), level
        for _ in range(_HALVINGS):
            level = (low + high) / np.float32(2)
            if _sum_above(out, layer.size, level) < enough:
                high = level
            else:
                low = level
        level = low
    return _pick_out(group, layer, g, max(level, _LEAST))


@inlined
def _sum_above(out: F32, size: int, level: np.float32) -> np.float32:
    """Return the sum of the contributions above a level."""
    above, nothing = splat(np.float32(0)), splat(np.float32(0))
    for k in range(0, size, LANES):
        some = load(out, k)
        above = add(above, where_larger(splat(level), some, nothing, some))
    found: np.float32 = total(above)
    return found


@inlined
def _pick_out(group: Group, layer: Pointers, g: int, level: np.float32) -> int:
    """Write the unit's contributions of at least ``level`` to its lane; return how many, ``HITS + 1`` if too many.

    Of every ``BYTES`` contributions a few are written whether they are large enough or not (see ``list_marked``).
    """
    out = after(group.contributions, g * layer.size)
    values, entries = after(group.abreast, g), after(group.rows, g)
    picked = 0
    for at in range(0, layer.size, BYTES):
        bits = np.uint64(0)
        for k in range(at, min(at + BYTES, layer.size), LANES):
            bits |= at_least(load(out, k), level) << np.uint64(k - at)
        some = population(bits)
        if picked + some > HITS:
            return HITS + 1
        for k in range(FEW_MARKS):
            entry = at + lowest(bits)  # of no bits, what lies behind them
            values[(picked + k) * LANES], entries[(picked + k) * LANES] = out[entry], entry
            bits &= bits - np.uint64(1)
        for k in range(FEW_MARKS, some):
            entry = at + lowest(bits)
            values[(picked + k) * LANES], entries[(picked + k) * LANES] = out[entry], entry
            bits &= bits - np.uint64(1)
        picked += some
    return picked
