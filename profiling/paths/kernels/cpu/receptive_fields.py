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
    add,
    gather,
    load,
    maximum,
    multiply,
    pointer,
    splat,
    store,
    total,
)
from pathprint.profiling.paths.kernels.cpu.choosing import F32, I32

U16 = NDArray[np.uint16]
Weighed = tuple[np.float32, np.float32, object]
"""Sum of a unit's contributions and of the positive ones, and a vector of the largest that its lanes have met."""


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
            numbered channels last, whether they are decided abreast (see ``abreast``), and whether the
            buffer is in the order of ranks, 0 or 1 each.
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
    sizes: tuple[int, int, int, int, int]


class Pointers(NamedTuple):
    """A ``Layer`` as pointers for inner loops (see ``vectors.pointer``).

    Attributes:
        channels, per_group: number of input channels, and of those in a group.
        size: length of the buffer.
        window: number of taps.
        fan_in: number of weights of one output channel.
        short: whether the layer has short rows.
        abreast, ordered: see ``Layer.sizes``.
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
    fan_in: int
    short: bool
    abreast: bool
    ordered: bool


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
        fan_in=layer.sizes[1] * layer.taps.shape[1],
        short=len(layer.table) > 0,
        abreast=layer.sizes[3] != 0,
        ordered=layer.sizes[4] != 0,
    )


@inlined
def _from_rows(x: F32, layer: Pointers, weight_at: int, e: int, first: int, sign: np.float32, out: F32) -> Weighed:
    """Do what ``weigh`` says for long rows: read them one by one."""
    nothing, turned = splat(np.float32(0)), splat(sign)
    net, positive, top = nothing, nothing, nothing
    k = 0
    for t in range(layer.window):
        tap = np.int64(layer.taps[e * layer.window + t])
        row = tap * layer.channels + first
        for b in range(0, layer.per_group, LANES):
            value = nothing
            if tap >= 0:
                value = multiply(load(x, row + min(b, layer.per_group - LANES)), load(layer.weight, weight_at + k))
                value = multiply(value, turned)
            some = maximum(value, nothing)
            store(out, k, some)
            net, positive, top = add(net, value), add(positive, some), maximum(top, some)
            k += LANES
    return total(net), total(positive), top


@inlined
def _from_table(x: F32, layer: Pointers, weight_at: int, e: int, first: int, sign: np.float32, out: F32) -> Weighed:
    """Do what ``weigh`` says for short rows: look up where the inputs lie."""
    nothing, turned = splat(np.float32(0)), splat(sign)
    net, positive, top = nothing, nothing, nothing
    vectors = layer.size // LANES
    for b in range(vectors):
        inside = layer.inside[e * vectors + b]
        value = gather(x, first, layer.table, e * layer.size + b * LANES, inside)
        value = multiply(multiply(value, load(layer.weight, weight_at + b * LANES)), turned)
        some = maximum(value, nothing)
        store(out, b * LANES, some)
        net, positive, top = add(net, value), add(positive, some), maximum(top, some)
    return total(net), total(positive), top


@inlined
def place_of(layer: Pointers, e: int, first: int, k: int) -> int:
    """Return the input unit that the contribution of rank ``k`` comes from, at output position ``e``."""
    if layer.short:
        return int(first + layer.table[e * layer.size + k])
    return int(np.int64(layer.taps[e * layer.window + layer.tap[k]]) * layer.channels + first + layer.channel[k])


@compiled
def exact_sums(x: F32, layer: Pointers, weight_at: int, e: int, first: int) -> tuple[float, float]:
    """Return sum and absolute sum of a unit's contributions in float64, of exact products.

    Compiled, ``float`` of a float32 is a float32, hence ``np.float64``.
    """
    net, gross = 0.0, 0.0
    for k in range(layer.size):
        weight = layer.weight[weight_at + k]
        place = place_of(layer, e, first, int(layer.rank[k]))
        if weight != 0 and is_inside(layer, e, k):
            exact = np.float64(x[place]) * np.float64(weight)
            net += exact
            gross += abs(exact)
    return net, gross


@inlined
def is_inside(layer: Pointers, e: int, k: int) -> bool:
    """Say whether entry ``k`` of the buffer stands for an input that exists at output position ``e``: is no padding."""
    if layer.short:
        return bool(layer.inside[e * (layer.size // LANES) + k // LANES] >> (k % LANES) & 1)
    return bool(layer.taps[e * layer.window + layer.tap[int(layer.rank[k])]] >= 0)


@inlined
def weigh(x: F32, layer: Pointers, weight_at: int, e: int, first: int, sign: np.float32, out: F32) -> Weighed:
    """Write the positive contributions to the unit at output position ``e`` to ``out``, 0 for others.

    Args:
        weight_at: where the weights of the unit's channel start.
        first: the first input channel of its group.
        sign: by which all contributions are multiplied, 1 or -1.

    Returns:
        the sum of all contributions and that of the positive ones, and the largest that each lane has met.
    """
    if layer.short:
        return _from_table(x, layer, weight_at, e, first, sign, out)
    return _from_rows(x, layer, weight_at, e, first, sign, out)
