"""Find the least contribution that has to be chosen, for sixteen units at once or for one. Compiled, no GIL.

What is at least that large is chosen. Where two contributions equal it and only one is needed, or a comparison is
within the bound on rounding errors, the unit is decided again with sums in float64.
"""

from __future__ import annotations

import numpy as np

from pathprint.profiling.compiled.caching import compiled, inlined
from pathprint.profiling.compiled.sorting import ROWS
from pathprint.profiling.compiled.vectors import (
    LANES,
    absolute,
    add,
    less,
    load,
    splat,
    store,
    subtract,
    total,
    where_equal,
    where_larger,
)
from pathprint.profiling.paths.kernels.cpu.choosing import F32, NOTHING
from pathprint.profiling.paths.kernels.cpu.scratch import CHOSEN, SLACK, TARGET, Group

_STEPS = 24
"""Steps in which a level is looked for, at most."""
LEAST = np.float32(3e-45)
"""The smallest float32 above ``NOTHING``."""
_FAR = np.float32(np.inf)


@inlined
def cut_rows(group: Group, rows: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Cut each unit of a group where its largest contributions suffice, which lie in its lane, sorted.

    Args:
        rows: how many there are, a multiple of ``ROWS``; the second half is looked at only if some unit needs it.

    Returns:
        a bit for each unit to be decided in float64, for each that may need more than the rows hold, and for
        each of which all in the rows does not suffice.
    """
    target, one, nothing = load(group.numbers, TARGET), splat(np.float32(1)), splat(np.float32(0))
    least, cut, nearest = splat(NOTHING), splat(_FAR), splat(_FAR)
    reached, chosen, equals, more = nothing, nothing, nothing, np.uint64(0)
    for begin in range(0, rows, ROWS):
        for row in range(begin, begin + ROWS):
            some = load(group.rows, row * LANES)
            taken = where_larger(target, reached, where_larger(some, least, some, nothing), nothing)
            equals = add(equals, where_equal(some, cut, one, nothing))
            cut = where_larger(taken, nothing, taken, cut)
            chosen = add(chosen, where_larger(taken, nothing, one, nothing))
            reached = add(reached, taken)
            miss = absolute(subtract(reached, target))
            nearest = where_larger(nearest, miss, miss, nearest)
            equals = where_larger(taken, nothing, nothing, equals)
        # If the last row is taken, others may follow, or equal it.
        more = less(splat(np.float32(begin + ROWS - 0.5)), chosen)
        if not more:
            break
    store(group.cuts, 0, cut)
    store(group.numbers, CHOSEN, chosen)
    unsure: np.uint64 = less(nearest, load(group.numbers, SLACK)) | less(nothing, equals)
    return unsure & ~more, more, less(reached, target)


@compiled
def cut_alone(group: Group, g: int, out: F32, size: int) -> bool:
    """Cut one unit of which many contributions are needed; say whether it has to be decided in float64.

    Between a level that suffices and one that does not, the next is the mean of what lies there, so that each step
    leaves less.

    Args:
        out: its contributions, ``size`` of them, a multiple of ``LANES``.
    """
    target, slack = group.numbers[TARGET + g], group.numbers[SLACK + g]
    low, (found, many) = LEAST, _above(out, size, LEAST)
    over, fewer = np.float32(0), np.float32(0)
    near = abs(found - target) < slack
    for _ in range(_STEPS):
        if near or found < target or many - fewer <= 1:
            break
        level = max((found - over) / (many - fewer), low)
        some, count = _above(out, size, level)
        near = abs(some - target) < slack
        if some < target:
            over, fewer = some, count
        else:
            low, found, many = level, some, count
    group.cuts[g], group.numbers[CHOSEN + g] = low, many
    return bool(near or (many - fewer > 1 and found >= target))


@inlined
def _above(out: F32, size: int, level: np.float32) -> tuple[np.float32, np.float32]:
    """Return the sum and the number of the contributions of at least ``level``."""
    nothing, one, least = splat(np.float32(0)), splat(np.float32(1)), splat(level)
    found, many = nothing, nothing
    for k in range(0, size, LANES):
        some = load(out, k)
        found = add(found, where_larger(least, some, nothing, some))
        many = add(many, where_larger(least, some, nothing, one))
    return total(found), total(many)
