"""Choose the inputs of a convolution or linear layer. Compiled, no GIL.

Wanted units are taken in the order of memory, sixteen at a time: all are weighed, then all are
decided, side by side (``abreast``) or one by one (``singly``).

Totals are first summed in float32, together with a bound on their error. A unit is decided again,
with sums in float64, only if a comparison is within that bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pathprint.profiling.compiled.caching import compiled, inlined
from pathprint.profiling.compiled.sorting import ROWS
from pathprint.profiling.compiled.vectors import (
    LANES,
    after,
    at_least,
    divide,
    fetch,
    less,
    list_marked,
    load,
    lowest,
    pointer,
    population,
    splat,
    total,
    where_larger,
)
from pathprint.profiling.paths.kernels.cpu.abreast import decide_abreast
from pathprint.profiling.paths.kernels.cpu.choosing import F32, I64, NOTHING, Options, decide, largest_of, total_of
from pathprint.profiling.paths.kernels.cpu.cutting import cut_alone
from pathprint.profiling.paths.kernels.cpu.receptive_fields import (
    Layer,
    Pointers,
    exact_sums,
    place_of,
    pointers_of,
    weigh,
)
from pathprint.profiling.paths.kernels.cpu.scratch import (
    BIAS,
    CHANNEL,
    CHOSEN,
    F64,
    GROSS,
    GROUP,
    NET,
    NUMBER,
    PICKS,
    POSITION,
    SIGN,
    TOTAL,
    U8,
    Group,
    Scratch,
)
from pathprint.profiling.paths.kernels.cpu.singly import decide_singly

_FEW = 12
"""Vectors of a receptive field that are fetched ahead, at most."""
_LISTED = 3
"""Chosen contributions of a unit that are listed without asking how many there are."""


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
        y, mask: the output's values (only signs matter; ``(1, 0)`` if all are positive) and its
            wanted units, ``(n, output positions * channels)``.
        found: set to the wanted units of all images, where those of each image end, the used
            weights of all images, and where those of each image end. Lists must have room for all; ends
            are preceded by a 0.
        counts: set to each image's synapses, unexplained units and mean coherence.
    """
    outputs, signed = len(layer.bias), y.shape[1] > 0
    strides = (1, outputs) if layer.sizes[3] else (len(layer.starts), 1)
    pointers, used = pointers_of(layer), scratch.used
    neurons, ends, weights, weight_ends = pointer(found[0]), pointer(found[1]), pointer(found[2]), pointer(found[3])
    n, w = 0, 0
    for i in range(len(x)):
        group = Group(
            contributions=pointer(scratch.contributions),
            rows=pointer(scratch.rows),
            numbers=pointer(scratch.numbers),
            cuts=pointer(scratch.cuts),
            counts=pointer(scratch.counts),
            tops=pointer(scratch.tops),
            picked=pointer(scratch.picked),
            entries=pointer(scratch.entries),
            chosen=pointer(scratch.chosen),
            many=pointer(scratch.many),
            used=pointer(used),
            listed=pointer(scratch.listed),
            at=pointer(scratch.at),
            x=pointer(x[i]),
            marked=pointer(inputs[i]),
            listing=len(scratch.listed) > 0,
        )
        begin, synapses, unexplained, coherence = n, 0, 0, 0.0
        n = list_marked(pointer(mask[i]), mask.shape[1], neurons, n)
        for j in range(begin, n, GROUP):
            units = min(GROUP, n - j)
            _fetch(group, pointers, after(neurons, j + units), min(GROUP, n - j - units), outputs)
            _prepare(
                group, pointers, after(neurons, j), units, outputs, strides, signed, pointer(y[i if signed else 0])
            )
            _decide(group, pointers, units, options)
            chosen, explained, one_sided = _told(group, units)
            synapses += chosen
            unexplained += units - explained
            coherence += one_sided
        w = list_marked(pointer(used), len(used), weights, w)
        used[:] = 0
        ends[i + 1], weight_ends[i + 1] = n, w
        counts[0][i], counts[1][i], counts[2][i] = synapses, unexplained, coherence / max(n - begin, 1)


@inlined
def _fetch(group: Group, layer: Pointers, units: I64, count: int, outputs: int) -> None:
    """Have the inputs of the next group brought to the caches, where they are a few pieces that lie apart."""
    if layer.rows * -(-layer.length // LANES) <= _FEW:
        of_one = 1.0 / outputs
        for g in range(count):
            e = int((float(units[g]) + 0.5) * of_one)
            first = layer.first[units[g] - e * outputs]
            for t in range(layer.rows):
                row = np.int64(layer.starts[e * layer.rows + t]) * layer.channels + first
                for column in range(0, layer.length, LANES):
                    fetch(group.x, row + column)


@inlined
def _prepare(
    group: Group, layer: Pointers, units: I64, count: int, outputs: int, strides: tuple[int, int], signed: bool, y: F32
) -> None:
    """Set what is known of each unit of a group; replace its place in memory in ``units`` by its number in the path."""
    of_one = 1.0 / outputs
    for g in range(count):
        unit = units[g]
        e = int((float(unit) + 0.5) * of_one)  # exact, and faster than a division of integers
        o = unit - e * outputs
        sign = np.float32(-1) if signed and y[unit] < 0 else np.float32(1)
        units[g] = o * strides[0] + e * strides[1]
        group.numbers[SIGN + g], group.numbers[BIAS + g] = sign, sign * layer.bias[o]
        group.counts[CHANNEL + g], group.counts[POSITION + g], group.counts[NUMBER + g] = o, e, units[g]


@inlined
def _decide(group: Group, layer: Pointers, count: int, options: Options) -> None:
    """Choose for each unit of a group, and mark what is chosen."""
    if options.phi > 0:
        for g in range(count):
            _take_all(group, layer, g, options)
        return
    if layer.abreast:
        unsure, more = decide_abreast(group, layer, count, options)
    else:
        unsure, more = decide_singly(group, layer, count, options)
    there = np.uint64((1 << count) - 1)
    certain, unsure, more = ~(unsure | more) & there, unsure & there, more & there
    _mark_listed(group, layer, _list_chosen(group, layer, certain))
    while more:
        g = lowest(more)
        more &= more - np.uint64(1)
        if cut_alone(group, g, after(group.contributions, g * layer.stride), layer.size):
            unsure |= np.uint64(1) << np.uint64(g)
        else:
            _mark_all(group, layer, g)
    while unsure:
        g = lowest(unsure)
        unsure &= unsure - np.uint64(1)
        _decide_exactly(group, layer, g, options)


@inlined
def _list_chosen(group: Group, layer: Pointers, units: np.uint64) -> int:
    """List what is at least the cut of each of some units, but nothing of the others; return how much that is.

    Of each unit a few are written whether they are chosen or not (see ``list_marked``).
    """
    n = 0
    while units:
        g = lowest(units)
        units &= units - np.uint64(1)
        cut = group.cuts[g]
        if layer.abreast:
            source, first, size = group.contributions, g * layer.stride, layer.size
        else:
            source, first, size = group.picked, g * PICKS, 2 * ROWS
        bits = at_least(load(source, first), cut)
        if size > LANES:
            bits |= at_least(load(source, first + LANES), cut) << np.uint64(LANES)
        some = population(bits)
        for k in range(_LISTED):
            group.chosen[n + k] = g * PICKS + lowest(bits)
            bits &= bits - np.uint64(1)
        for k in range(_LISTED, some):
            group.chosen[n + k] = g * PICKS + lowest(bits)
            bits &= bits - np.uint64(1)
        n += some
    return n


@inlined
def _mark_listed(group: Group, layer: Pointers, count: int) -> None:
    """Mark what ``_list_chosen`` has listed."""
    for k in range(count):
        g, entry = group.chosen[k] // PICKS, group.chosen[k] % PICKS
        if not layer.abreast:
            entry = np.int64(group.entries[group.chosen[k]])
        _mark(group, layer, g, entry)


@inlined
def _mark_all(group: Group, layer: Pointers, g: int) -> None:
    """Mark every contribution of a unit that is at least its cut."""
    out, cut = after(group.contributions, g * layer.stride), group.cuts[g]
    for k in range(0, layer.size, LANES):
        bits = at_least(load(out, k), cut)
        while bits:
            _mark(group, layer, g, k + lowest(bits))
            bits &= bits - np.uint64(1)


@inlined
def _told(group: Group, count: int) -> tuple[int, int, float]:
    """Return of a group: chosen contributions, explained units, and the sum of their coherences."""
    nothing = splat(np.float32(0))
    for g in range(count, GROUP):
        group.numbers[CHOSEN + g] = group.numbers[GROSS + g] = 0
    chosen, gross = load(group.numbers, CHOSEN), load(group.numbers, GROSS)
    explained = less(nothing, chosen) & less(nothing, load(group.numbers, TOTAL))
    one_sided = where_larger(gross, nothing, divide(load(group.numbers, NET), gross), nothing)
    return int(total(chosen)), population(explained), float(total(one_sided))


@inlined
def _mark(group: Group, layer: Pointers, g: int, entry: Any) -> None:
    """Mark input and weight of a chosen contribution."""
    o, e, rank = group.counts[CHANNEL + g], group.counts[POSITION + g], np.int64(layer.number[entry])
    group.marked[place_of(layer, e, layer.first[o], entry)] = 1
    group.used[o * layer.fan_in + rank] = 1
    if group.listing:
        group.listed[group.at[0]] = group.counts[NUMBER + g] * layer.fan_in + rank
        group.at[0] += 1


@compiled
def _decide_exactly(group: Group, layer: Pointers, g: int, options: Options) -> None:
    """Choose for one unit with sums in float64, however many contributions it needs, and mark what is chosen."""
    o, e, sign = group.counts[CHANNEL + g], group.counts[POSITION + g], group.numbers[SIGN + g]
    out = after(group.contributions, g * layer.stride)
    weigh(group.x, layer, o * layer.size, e, layer.first[o], sign, out)
    net, gross = exact_sums(group.x, layer, o * layer.size, e, layer.first[o])
    net *= np.float64(sign)
    reference_total = total_of(net, gross, np.float64(sign) * np.float64(layer.bias[o]), options.reference)
    chosen = decide(out, layer.size, layer.rank, layer.place, reference_total, options, group.many)
    # Float32 would round what is hardly positive or negative to zero, but keeps every sign of the numbers here.
    group.numbers[NET + g], group.numbers[GROSS + g] = np.float32(net), np.float32(gross)
    group.numbers[TOTAL + g] = np.float32(1 if reference_total > 0 else 0)
    group.numbers[CHOSEN + g] = np.float32(chosen)
    for k in range(chosen):
        _mark(group, layer, g, int(layer.place[group.many[k]]))


@compiled
def _take_all(group: Group, layer: Pointers, g: int, options: Options) -> None:
    """Choose every contribution of at least phi to one unit, and mark them."""
    o, e, sign, phi = group.counts[CHANNEL + g], group.counts[POSITION + g], group.numbers[SIGN + g], options.phi
    out, weight = after(group.contributions, g * layer.stride), after(layer.weight, o * layer.size)
    net, positive = weigh(group.x, layer, o * layer.size, e, layer.first[o], sign, out)
    chosen = 0
    for at in range(0, layer.size, LANES):
        # Float32 may round either way: what comes near is multiplied again in float64.
        bits = at_least(load(out, at), np.float32(phi * (1 - 1e-6)))
        while bits:
            k = at + lowest(bits)
            bits &= bits - np.uint64(1)
            place = place_of(layer, e, layer.first[o], k)
            if abs(np.float64(group.x[place]) * np.float64(weight[k])) >= phi:  # float() would keep float32
                _mark(group, layer, g, k)
                chosen += 1
    group.numbers[NET + g], group.numbers[GROSS + g] = net, np.float32(2) * positive - net
    group.numbers[TOTAL + g] = np.float32(chosen > 0)
    if chosen == 0 and options.keep_largest:
        value, first = largest_of(out, layer.size, layer.rank)
        if value > NOTHING:
            _mark(group, layer, g, int(layer.place[np.int64(first)]))
            chosen = 1
    group.numbers[CHOSEN + g] = np.float32(chosen)
