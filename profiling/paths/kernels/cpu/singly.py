"""Weigh one unit after the other: what suits units with many contributions. Compiled, no GIL.

The largest contribution of each lane says above which level enough is to be found. What lies above it, a few
contributions, is picked out, and sixteen units are then decided side by side.
"""

from __future__ import annotations

import numpy as np

from pathprint.profiling.compiled.caching import inlined
from pathprint.profiling.compiled.sorting import ROWS, merge_rows, sort_rows
from pathprint.profiling.compiled.vectors import (
    BYTES,
    LANES,
    add,
    after,
    at_least,
    less,
    load,
    lowest,
    maximum,
    splat,
    store,
    where_larger,
)
from pathprint.profiling.paths.kernels.cpu.abreast import side_by_side
from pathprint.profiling.paths.kernels.cpu.aiming import aim
from pathprint.profiling.paths.kernels.cpu.choosing import F32, Options
from pathprint.profiling.paths.kernels.cpu.cutting import LEAST, cut_rows
from pathprint.profiling.paths.kernels.cpu.receptive_fields import Pointers, weigh
from pathprint.profiling.paths.kernels.cpu.scratch import (
    CHANNEL,
    GROSS,
    NET,
    PICKS,
    POSITION,
    SIGN,
    SLACK,
    TARGET,
    Group,
)

_MOST_PICKS = 2 * ROWS
"""Contributions of a unit that are picked out, at most; zeros fill the rest of that many rows, and what lies behind."""
_LOOKED_AT = 13
"""Lanes, those with the largest contributions, that say above which level there is enough."""
_WORD = BYTES // LANES
"""Chunks of ``BYTES`` contributions whose lanes have a bit each in one word."""


@inlined
def decide_singly(group: Group, layer: Pointers, count: int, options: Options) -> tuple[np.uint64, np.uint64]:
    """Cut ``count`` units that have many contributions; return what ``decide_abreast`` does."""
    chunks = layer.stride // BYTES
    for g in range(count):
        o, e = group.counts[CHANNEL + g], group.counts[POSITION + g]
        out, sign = after(group.contributions, g * layer.stride), group.numbers[SIGN + g]
        net, positive = weigh(group.x, layer, o * layer.size, e, layer.first[o], sign, out)
        group.numbers[NET + g], group.numbers[GROSS + g] = net, positive
        top = _set_tops(out, layer.size, chunks, after(group.tops, g * chunks * LANES))
        store(group.picked, g * PICKS, top)
    terms = 2 * layer.size // LANES
    unsure = aim(group, load(group.numbers, NET), load(group.numbers, GROSS), terms, options)
    _set_levels(group)
    most, overfull = 0, np.uint64(0)
    for g in range(count):
        if group.numbers[TARGET + g] > 0:
            picked = _pick(group, layer, g, chunks)
            most = max(most, picked)
            if picked > _MOST_PICKS:
                overfull |= np.uint64(1) << np.uint64(g)
    rows = ROWS if most <= ROWS else 2 * ROWS
    for row in range(0, rows, ROWS):
        side_by_side(group.picked, row, PICKS, group.rows, row * LANES)
        sort_rows(group.rows, row * LANES)
    if rows > ROWS:
        merge_rows(group.rows, 0, ROWS * LANES)
    lower = less(splat(LEAST), load(group.cuts, 0))  # there is something below the level
    near, more, missing = cut_rows(group, rows)
    more = (more | overfull | missing & lower) & ~unsure
    return unsure | (near & ~more), more


@inlined
def _set_tops(out: F32, size: int, chunks: int, tops: F32) -> object:
    """Set for each chunk the largest contribution of each lane, at least 0; return that of all chunks."""
    for k in range(size, chunks * BYTES, LANES):
        store(out, k, splat(np.float32(0)))
    top = splat(np.float32(0))
    for c in range(chunks):
        some = splat(np.float32(0))
        for k in range(0, BYTES, LANES):
            some = maximum(load(out, c * BYTES + k), some)
        store(tops, c * LANES, some)
        top = maximum(top, some)
    return top


@inlined
def _set_levels(group: Group) -> None:
    """Set for each unit a level above which there is enough, as its lanes' largest contributions tell.

    Where the first few of these do not suffice, it is the last of them: there may still be enough above it, and
    above a lower one there would be more than rows hold.
    """
    side_by_side(group.picked, 0, PICKS, group.rows, 0)
    sort_rows(group.rows, 0)
    target = add(load(group.numbers, TARGET), load(group.numbers, SLACK))
    reached, level = splat(np.float32(0)), splat(LEAST)
    for row in range(_LOOKED_AT):
        some = load(group.rows, row * LANES)
        level = where_larger(target, reached, maximum(some, splat(LEAST)), level)
        reached = add(reached, some)
    store(group.cuts, 0, level)


@inlined
def _pick(group: Group, layer: Pointers, g: int, chunks: int) -> int:
    """Pick out the unit's contributions above its level; return how many, or a number above ``_MOST_PICKS``."""
    level, out = group.cuts[g], after(group.contributions, g * layer.stride)
    tops = after(group.tops, g * chunks * LANES)
    values, entries, picked = after(group.picked, g * PICKS), after(group.entries, g * PICKS), 0
    for c in range(0, chunks, _WORD):
        bits = np.uint64(0)
        for k in range(min(_WORD, chunks - c)):
            bits |= at_least(load(tops, (c + k) * LANES), level) << np.uint64(k * LANES)
        while bits:
            bit = lowest(bits)
            bits &= bits - np.uint64(1)
            first = (c + bit // LANES) * BYTES + bit % LANES
            for entry in range(first, first + BYTES, LANES):
                values[picked], entries[picked] = out[entry], entry
                picked += out[entry] >= level
            if picked > _MOST_PICKS:
                return picked
    for k in range(picked, picked + _MOST_PICKS, LANES):  # at least to the end of all rows
        store(values, k, splat(np.float32(0)))
    return picked
