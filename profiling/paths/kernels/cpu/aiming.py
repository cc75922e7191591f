"""What each unit of a group must reach: sixteen units side by side. Compiled, no GIL.

Totals are summed in float32. Where a comparison is within the bound on their error, the unit is
decided again with sums in float64.
"""

from __future__ import annotations

import numpy as np

from pathprint.profiling.compiled.caching import inlined
from pathprint.profiling.compiled.vectors import (
    absolute,
    add,
    less,
    load,
    multiply,
    splat,
    store,
    subtract,
    where_larger,
)
from pathprint.profiling.paths.kernels.cpu.choosing import NOTHING, Options
from pathprint.profiling.paths.kernels.cpu.scratch import BIAS, GROSS, NET, SLACK, TARGET, TOTAL, Group

_ROUNDING = 6.0e-8
"""A little more than the largest relative error of one float32 operation."""
_OTHER_TERMS = 64
"""Roundings besides those of ``terms``: products, sums across lanes, and sums of what is chosen."""


@inlined
def aim(group: Group, net: object, positive: object, terms: int, options: Options) -> np.uint64:
    """Set what each unit must reach; return a bit for each unit whose total may have either sign, or is not finite.

    Args:
        net, positive: vectors of the sums of all contributions and of the positive ones.
        terms: how many float32 numbers were added one after the other, at most.
    """
    bias, nothing = load(group.numbers, BIAS), splat(np.float32(0))
    gross = subtract(add(positive, positive), net)
    total, size = net, gross
    if options.reference == 1:
        total, size = add(net, bias), add(gross, absolute(bias))
    if options.reference == 2:
        total = positive
    error = splat(np.float32((terms + _OTHER_TERMS) * _ROUNDING))
    slack = where_larger(gross, nothing, multiply(error, size), nothing)  # where nothing contributes nothing is unsure
    least = splat(NOTHING if options.keep_largest else np.float32(0))
    store(group.numbers, NET, net)
    store(group.numbers, GROSS, gross)
    store(group.numbers, TOTAL, total)
    store(group.numbers, TARGET, where_larger(total, slack, multiply(total, splat(np.float32(options.theta))), least))
    store(group.numbers, SLACK, where_larger(total, slack, slack, nothing))
    finite = less(gross, splat(np.float32(np.inf)))
    unsure: np.uint64 = less(absolute(total), slack) | ~finite
    return unsure
