"""Choose the inputs of a convolution or linear layer. Compiled, no GIL.

Wanted units are taken in the order of memory, a group at a time: all are weighed, then all are
decided, in rounds. A processor works on several units at once as long as nothing depends on a
branch, which it would mispredict every other time.

Totals are first summed in float32, together with a bound on their error. A unit is decided again,
with sums in float64, only if a comparison is within that bound.
"""

from __future__ import annotations

import numpy as np

from pathprint.profiling.compiled.caching import compiled, inlined
from pathprint.profiling.compiled.vectors import LANES, after, at_least, fetch, list_marked, load, lowest, pointer
from pathprint.profiling.paths.kernels.cpu.choosing import (
    ANY,
    F32,
    FEW,
    I64,
    NOTHING,
    Options,
    decide,
    largest_of,
    total_of,
)
from pathprint.profiling.paths.kernels.cpu.receptive_fields import (
    Layer,
    Pointers,
    exact_sums,
    place_of,
    pointers_of,
    weigh,
)
from pathprint.profiling.paths.kernels.cpu.scratch import (
    CHANNEL,
    CHOSEN,
    COUNTS,
    EXPLAINED,
    F64,
    FIRST,
    GROSS,
    GROUP,
    MINUS,
    NET,
    NUMBER,
    NUMBERS,
    POSITION,
    RANKS,
    REACHED,
    SLACK,
    TARGET,
    TOP,
    U8,
    Group,
    Scratch,
)

_ROUNDING = 6.0e-8
"""A little more than the largest relative error of one float32 operation."""


@compiled
def weighted(
    x: F32,
    layer: Layer,
    y: F32,
    mask: U8,
    options: Options,
    scratch: Scratch,
    inputs: U8,
    found: tuple[I64, I64, I64, I64],
    counts: tuple[I64, I64, F64],
) -> None:
    """Choose contributions to every wanted unit of some images; mark the chosen inputs.

    Args:
        x, inputs: ``(n, input positions * channels)``; ``inputs`` and ``mask`` are zeros and ones.
        y, mask: the output's values (only signs matter; ``(n, 0)`` if all are positive) and its
            wanted units, ``(n, output positions * channels)``.
        found: set to the wanted units of all images, where those of each image end, the used
            weights of all images, and where those of each image end. Each must have room for all.
        counts: set to each image's synapses, unexplained units and mean coherence.
    """
    outputs, signed = len(layer.bias), y.shape[1] > 0
    strides = (1, outputs) if layer.sizes[2] else (len(layer.taps), 1)
    pointers, used = pointers_of(layer), scratch.used
    neurons, ends, weights, weight_ends = pointer(found[0]), pointer(found[1]), pointer(found[2]), pointer(found[3])
    n, w = 0, 0
    for i in range(len(x)):
        group = Group(
            contributions=pointer(scratch.contributions),
            numbers=pointer(scratch.numbers),
            counts=pointer(scratch.counts),
            ranks=pointer(scratch.ranks),
            many=pointer(scratch.many),
            used=pointer(used),
            listed=pointer(scratch.listed),
            at=pointer(scratch.at),
            x=pointer(x[i]),
            marked=pointer(inputs[i]),
            listing=len(scratch.listed) > 0,
            short=len(layer.table) > 0,
            per_output=layer.sizes[1] * layer.taps.shape[1],
        )
        begin, synapses, unexplained, coherence = n, 0, 0, 0.0
        n = list_marked(pointer(mask[i]), mask.shape[1], neurons, n)
        for j in range(begin, n, GROUP):
            units = min(GROUP, n - j)
            _fetch(group, pointers, after(neurons, j + units), min(GROUP, n - j - units), outputs)
            _weigh_group(group, pointers, after(neurons, j), units, outputs, strides, signed, pointer(y[i]))
            _decide_group(group, pointers, units, options)
            for g in range(units):
                number, count = after(group.numbers, g * NUMBERS), after(group.counts, g * COUNTS)
                synapses += count[CHOSEN]
                unexplained += 1 - count[EXPLAINED]
                coherence += number[NET] / number[GROSS] if number[GROSS] > 0 else 0.0
        w = list_marked(pointer(used), len(used), weights, w)
        used[:] = 0
        ends[i], weight_ends[i] = n, w
        counts[0][i], counts[1][i], counts[2][i] = synapses, unexplained, coherence / max(n - begin, 1)


@inlined
def _fetch(group: Group, layer: Pointers, units: I64, count: int, outputs: int) -> None:
    """Have the inputs of the next group brought to the caches; only those of short rows lie apart and need it."""
    if group.short:
        for g in range(count):
            e = int(np.uint32(units[g]) // np.uint32(outputs))
            first = layer.first[units[g] - e * outputs]
            for t in range(layer.window):
                fetch(group.x, int(layer.taps[e * layer.window + t]) * layer.channels + first)


@inlined
def _weigh_group(
    group: Group, layer: Pointers, units: I64, count: int, outputs: int, strides: tuple[int, int], signed: bool, y: F32
) -> None:
    """Weigh each unit of a group; replace its place in memory in ``units`` by its number in the path."""
    for g in range(count):
        unit = units[g]
        e = int(np.uint32(unit) // np.uint32(outputs))  # unsigned division has no special cases
        o = unit - e * outputs
        minus = signed and y[unit] < 0
        units[g] = o * strides[0] + e * strides[1]
        out = after(group.contributions, g * layer.size)
        net, gross, top = weigh(group.x, layer, group.short, o * layer.size, e, layer.first[o], minus, out)
        number, kept = after(group.numbers, g * NUMBERS), after(group.counts, g * COUNTS)
        number[NET], number[GROSS], number[TOP], number[FIRST] = net, gross, top[0], top[1]
        kept[CHANNEL], kept[POSITION], kept[MINUS], kept[NUMBER] = o, e, minus, units[g]


@inlined
def _decide_group(group: Group, layer: Pointers, count: int, options: Options) -> None:
    """Choose for each unit of a group, one contribution a round, and mark what is chosen."""
    left = 0
    open_units = after(group.many, layer.size)  # what is before them is for the ranks of one unit
    for g in range(count):
        if _aim(group, layer, g, options):
            open_units[left] = g
            left += 1
    for turn in range(FEW + 1):
        some, left = left, 0
        for k in range(some):
            g = open_units[k]
            if _take(group, layer, g, turn, options):
                open_units[left] = g
                left += 1
        if left == 0:
            return
        for k in range(left):
            g = open_units[k]
            number = after(group.numbers, g * NUMBERS)
            top = largest_of(after(group.contributions, g * layer.size), layer.size, layer.rank)
            number[TOP], number[FIRST] = top


@inlined
def _aim(group: Group, layer: Pointers, g: int, options: Options) -> bool:
    """Set what the unit must reach; say whether it still has to be decided."""
    number, count = after(group.numbers, g * NUMBERS), after(group.counts, g * COUNTS)
    if options.phi > 0:
        _take_all(group, layer, g, options)
        return False
    net, gross, bias = number[NET], number[GROSS], float(layer.bias[count[CHANNEL]])
    slack = (layer.size // LANES + 8) * _ROUNDING * (gross + abs(bias))
    total = total_of(net, gross, -bias if count[MINUS] else bias, options.reference)
    count[CHOSEN], count[EXPLAINED], number[REACHED] = 0, total > slack, 0.0
    number[TARGET], number[SLACK] = options.theta * total, slack
    if total > slack:
        return True
    if total >= -slack:
        _decide_exactly(group, layer, g, options)
        return False
    number[TARGET], number[SLACK] = ANY, 0.0
    return options.keep_largest


@inlined
def _take(group: Group, layer: Pointers, g: int, turn: int, options: Options) -> bool:
    """Take the largest contribution that is left; say whether more are needed."""
    number, count = after(group.numbers, g * NUMBERS), after(group.counts, g * COUNTS)
    value, rank = number[TOP], np.int64(number[FIRST])
    reached = number[REACHED] + value
    some = value > NOTHING
    if some and (turn == FEW or abs(reached - number[TARGET]) < number[SLACK]):
        _decide_exactly(group, layer, g, options)
        return False
    if some:
        group.ranks[g * RANKS + turn] = rank
        number[REACHED], count[CHOSEN] = reached, turn + 1
        if reached < number[TARGET]:
            group.contributions[g * layer.size + layer.place[rank]] = 0
            return True
    count[EXPLAINED] = count[EXPLAINED] and count[CHOSEN] > 0
    _mark(group, layer, g, after(group.ranks, g * RANKS))
    return False


@inlined
def _mark(group: Group, layer: Pointers, g: int, ranks: I64) -> None:
    """Mark the inputs and weights of the chosen contributions."""
    count = after(group.counts, g * COUNTS)
    o, e = count[CHANNEL], count[POSITION]
    for k in range(count[CHOSEN]):
        group.marked[place_of(layer, group.short, e, layer.first[o], ranks[k])] = 1
        group.used[o * group.per_output + ranks[k]] = 1
        if group.listing:
            group.listed[group.at[0]] = count[NUMBER] * group.per_output + ranks[k]
            group.at[0] += 1


@compiled
def _decide_exactly(group: Group, layer: Pointers, g: int, options: Options) -> None:
    """Choose for one unit with sums in float64, however many contributions it needs, and mark what is chosen."""
    number, count = after(group.numbers, g * NUMBERS), after(group.counts, g * COUNTS)
    o, e, minus = count[CHANNEL], count[POSITION], count[MINUS] != 0
    first, weight_at, out = layer.first[o], o * layer.size, after(group.contributions, g * layer.size)
    weigh(group.x, layer, group.short, weight_at, e, first, minus, out)
    net, gross = exact_sums(group.x, layer, group.short, out, weight_at, e, first, minus)
    bias = -float(layer.bias[o]) if minus else float(layer.bias[o])
    total = total_of(net, gross, bias, options.reference)
    chosen = decide(out, layer.size, layer.rank, layer.place, total, options, group.many)
    number[NET], number[GROSS] = net, gross
    count[CHOSEN], count[EXPLAINED] = chosen, total > 0 and chosen > 0
    _mark(group, layer, g, group.many)


@compiled
def _take_all(group: Group, layer: Pointers, g: int, options: Options) -> None:
    """Choose every contribution of at least phi to one unit, and mark them."""
    number, count = after(group.numbers, g * NUMBERS), after(group.counts, g * COUNTS)
    o, e, phi = count[CHANNEL], count[POSITION], options.phi
    out, weight = after(group.contributions, g * layer.size), after(layer.weight, o * layer.size)
    chosen = 0
    for at in range(0, layer.size, LANES):
        # Float32 may round either way: what comes near is multiplied again in float64.
        bits = at_least(load(out, at), np.float32(phi * (1 - 1e-6)))
        while bits:
            k = at + lowest(bits)
            bits &= bits - np.uint64(1)
            rank = int(layer.rank[k])
            exact = float(group.x[place_of(layer, group.short, e, layer.first[o], rank)]) * float(weight[k])
            if abs(exact) >= phi:
                group.many[chosen] = rank
                chosen += 1
    count[EXPLAINED] = chosen > 0
    if chosen == 0 and options.keep_largest and number[TOP] > NOTHING:
        group.many[0] = int(number[FIRST])
        chosen = 1
    count[CHOSEN] = chosen
    _mark(group, layer, g, group.many)
