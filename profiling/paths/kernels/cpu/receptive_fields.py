"""The contributions of one unit of a convolution or linear layer. Compiled, no GIL.

Arrays hold channels last: in ``(n, positions, channels)``, flattened, a receptive field is a few
contiguous rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathprint.profiling.compiled.caching import compiled, inlined
from pathprint.profiling.compiled.vectors import (
    LANES,
    absolute,
    add,
    gather,
    load,
    multiply,
    negative,
    pointer,
    splat,
    store,
    total,
)
from pathprint.profiling.paths.kernels.cpu.choosing import F32, I32, Top, follow, found, start

U16 = NDArray[np.uint16]
Weighed = tuple[np.float32, np.float32, Top]
"""Sum and absolute sum of a unit's contributions, and the largest of them with its rank."""


class Layer(NamedTuple):
    """A weighted layer, laid out for the loops below.

    The contributions of a unit fill a buffer of ``len(rank)``. Long rows (the channels of a tap)
    are read from where they lie, tap by tap; the last vector of a row starts early enough to end
    with it, and its weights are 0 where it overlaps the one before. For short rows a table says
    where each input lies.

    Attributes:
        weight: for each output channel, the weights in the order of the buffer.
        rank: for each entry of the buffer, its place in the receptive field, channel first.
        place: for each rank, its entry of the buffer.
        tap, channel: for each rank, its tap, and its channel within the group.
        taps: ``(e, t)``, -1 for padding.
        table: for each output position and entry of the buffer, where the input lies, relative to
            the group's first channel; empty for long rows.
        inside: for each vector of ``table``, one bit per entry: whether the input exists (is no padding).
        first: for each output channel, the first input channel of its group.
        sizes: number of input channels; of channels in a group; whether the output's units are
            numbered channels last, 0 or 1.
    """

    weight: F32
    bias: F32
    rank: F32
    place: I32
    tap: I32
    channel: I32
    taps: I32
    table: I32
    inside: U16
    first: I32
    sizes: tuple[int, int, int]


class Pointers(NamedTuple):
    """A ``Layer`` as pointers for inner loops (see ``vectors.pointer``).

    Attributes:
        channels, per_group: number of input channels, and of those in a group.
        size: length of the buffer.
        window: number of taps.
    """

    weight: F32
    bias: F32
    rank: F32
    place: I32
    tap: I32
    channel: I32
    taps: I32
    table: I32
    inside: U16
    first: I32
    channels: int
    per_group: int
    size: int
    window: int


@inlined
def pointers_of(layer: Layer) -> Pointers:
    """Return the pointers to the arrays of a layer."""
    return Pointers(
        weight=pointer(layer.weight),
        bias=pointer(layer.bias),
        rank=pointer(layer.rank),
        place=pointer(layer.place),
        tap=pointer(layer.tap),
        channel=pointer(layer.channel),
        taps=pointer(layer.taps),
        table=pointer(layer.table),
        inside=pointer(layer.inside),
        first=pointer(layer.first),
        channels=layer.sizes[0],
        per_group=layer.sizes[1],
        size=len(layer.rank),
        window=layer.taps.shape[1],
    )


@inlined
def _from_rows(x: F32, layer: Pointers, weight_at: int, e: int, first: int, minus: bool, out: F32) -> Weighed:
    """Do what ``weigh`` says for long rows: read them one by one."""
    net, gross, search = splat(np.float32(0)), splat(np.float32(0)), start()
    k = 0
    for t in range(layer.window):
        tap = np.int64(layer.taps[e * layer.window + t])
        for b in range(0, layer.per_group, LANES):
            value = splat(np.float32(0))
            if tap >= 0:
                at = tap * layer.channels + first + min(b, layer.per_group - LANES)
                value = multiply(load(x, at), load(layer.weight, weight_at + k))
            if minus:
                value = negative(value)
            store(out, k, value)
            net, gross = add(net, value), add(gross, absolute(value))
            search = follow(search, value, load(layer.rank, k))
            k += LANES
    return total(net), total(gross), found(search, out, layer.size, layer.rank)


@inlined
def _from_table(x: F32, layer: Pointers, weight_at: int, e: int, first: int, minus: bool, out: F32) -> Weighed:
    """Do what ``weigh`` says for short rows: look up where the inputs lie."""
    net, gross, search = splat(np.float32(0)), splat(np.float32(0)), start()
    vectors = layer.size // LANES
    for b in range(vectors):
        inside = layer.inside[e * vectors + b]
        value = gather(x, first, layer.table, e * layer.size + b * LANES, inside)
        value = multiply(value, load(layer.weight, weight_at + b * LANES))
        if minus:
            value = negative(value)
        store(out, b * LANES, value)
        net, gross = add(net, value), add(gross, absolute(value))
        search = follow(search, value, load(layer.rank, b * LANES))
    return total(net), total(gross), found(search, out, layer.size, layer.rank)


@inlined
def place_of(layer: Pointers, short: bool, e: int, first: int, k: int) -> int:
    """Return the input unit that the contribution of rank ``k`` comes from, at output position ``e``."""
    if short:
        return int(first + layer.table[e * layer.size + k])
    return int(np.int64(layer.taps[e * layer.window + layer.tap[k]]) * layer.channels + first + layer.channel[k])


@compiled
def exact_sums(
    x: F32, layer: Pointers, short: bool, contributions: F32, weight_at: int, e: int, first: int, minus: bool
) -> tuple[float, float]:
    """Return sum and absolute sum of a unit's contributions in float64, of exact products."""
    net, gross = 0.0, 0.0
    for k in range(layer.size):
        if contributions[k] != 0:
            rank = int(layer.rank[k])
            exact = float(x[place_of(layer, short, e, first, rank)]) * float(layer.weight[weight_at + k])
            net += exact
            gross += abs(exact)
    return -net if minus else net, gross


@inlined
def weigh(x: F32, layer: Pointers, short: bool, weight_at: int, e: int, first: int, minus: bool, out: F32) -> Weighed:
    """Write the contributions to the unit at output position ``e`` to ``out``; return their sums and the largest.

    Args:
        short: whether the layer has short rows.
        weight_at: where the weights of the unit's channel start.
        first: the first input channel of its group.
        minus: whether its value is negative; the signs of all contributions are then turned.
    """
    if short:
        return _from_table(x, layer, weight_at, e, first, minus, out)
    return _from_rows(x, layer, weight_at, e, first, minus, out)
