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
    BYTES,
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
CUT_OFF = -2
"""Stands for the rows of a position where one of them is cut off by padding."""
Weighed = tuple[np.float32, np.float32]
"""Sum of a unit's contributions, and of the positive ones."""


class Layer(NamedTuple):
    """A weighted layer, laid out for the loops below.

    The contributions of a unit fill a buffer of ``len(rank)``. Long rows (the channels of a tap, or
    of taps that lie side by side) are read from where they lie, row by row; the last vector of a row
    starts early enough to end with it, and its weights are 0 where it overlaps the one before. For
    short rows a table says where each input lies; so it does at positions where a row is cut off by padding.

    Attributes:
        weight: for each output channel, the weights in the order of the buffer.
        rank: for each entry of the buffer, its place in the receptive field, channel first.
        number: the same as integers.
        place: for each rank, its entry of the buffer.
        row, column: for each entry of the buffer, its row, and its place in the row.
        starts: for each output position and row, the input position where it starts, ``(e, t)``; -1 for padding,
            ``CUT_OFF`` for all rows of a position where one is cut off.
        table: for each output position and entry of the buffer, where the input lies, relative to
            the group's first channel; empty if no position needs it.
        inside: for each vector of ``table``, one bit per entry: whether the input exists (is no padding).
        first: for each output channel, the first input channel of its group.
        sizes: number of input channels; length of a row; number of weights of one output channel; and, 0 or 1 each,
            whether the output's units are numbered channels last, whether they are decided abreast (see
            ``abreast``), and whether rows are short.
    """

    weight: F32
    bias: F32
    rank: F32
    number: I32
    place: I32
    row: I32
    column: I32
    starts: I32
    table: I32
    inside: U16
    first: I32
    sizes: tuple[int, int, int, int, int, int]


class Pointers(NamedTuple):
    """A ``Layer`` as pointers for inner loops (see ``vectors.pointer``).

    Attributes:
        channels: number of input channels.
        length, rows: of a row, and how many there are.
        size: length of the buffer; ``stride`` is from one unit's buffer to the next.
        fan_in: number of weights of one output channel.
        abreast, short: see ``Layer.sizes``.
    """

    weight: F32
    bias: F32
    rank: F32
    number: I32
    place: I32
    row: I32
    column: I32
    starts: I32
    table: I32
    inside: U16
    first: I32
    channels: int
    length: int
    rows: int
    size: int
    stride: int
    fan_in: int
    abreast: bool
    short: bool


@inlined
def pointers_of(layer: Layer) -> Pointers:
    """Return the pointers to the arrays of a layer."""
    return Pointers(
        weight=pointer(layer.weight),
        bias=pointer(layer.bias),
        rank=pointer(layer.rank),
        number=pointer(layer.number),
        place=pointer(layer.place),
        row=pointer(layer.row),
        column=pointer(layer.column),
        starts=pointer(layer.starts),
        table=pointer(layer.table),
        inside=pointer(layer.inside),
        first=pointer(layer.first),
        channels=layer.sizes[0],
        length=layer.sizes[1],
        rows=layer.starts.shape[1],
        size=len(layer.rank),
        stride=-(-len(layer.rank) // BYTES) * BYTES,
        fan_in=layer.sizes[2],
        abreast=layer.sizes[4] != 0,
        short=layer.sizes[5] != 0,
    )


@inlined
def from_table(layer: Pointers, e: int) -> bool:
    """Say whether a table tells where the inputs of output position ``e`` lie."""
    return bool(layer.short or layer.starts[e * layer.rows] == CUT_OFF)


@inlined
def _from_rows(x: F32, layer: Pointers, weight_at: int, e: int, first: int, sign: np.float32, out: F32) -> Weighed:
    """Do what ``weigh`` says for long rows: read them one by one."""
    nothing, turned = splat(np.float32(0)), splat(sign)
    net, positive = nothing, nothing
    k = 0
    for t in range(layer.rows):
        start = np.int64(layer.starts[e * layer.rows + t])
        row = start * layer.channels + first
        for b in range(0, layer.length, LANES):
            value = nothing
            if start >= 0:
                value = multiply(load(x, row + min(b, layer.length - LANES)), load(layer.weight, weight_at + k))
                value = multiply(value, turned)
            store(out, k, value)
            net, positive = add(net, value), add(positive, maximum(value, nothing))
            k += LANES
    return total(net), total(positive)


@inlined
def _from_table(x: F32, layer: Pointers, weight_at: int, e: int, first: int, sign: np.float32, out: F32) -> Weighed:
    """Do what ``weigh`` says for short rows: look up where the inputs lie."""
    nothing, turned = splat(np.float32(0)), splat(sign)
    net, positive = nothing, nothing
    vectors = layer.size // LANES
    for b in range(vectors):
        inside = layer.inside[e * vectors + b]
        value = gather(x, first, layer.table, e * layer.size + b * LANES, inside)
        value = multiply(multiply(value, load(layer.weight, weight_at + b * LANES)), turned)
        store(out, b * LANES, value)
        net, positive = add(net, value), add(positive, maximum(value, nothing))
    return total(net), total(positive)


@inlined
def place_of(layer: Pointers, e: int, first: int, k: int) -> int:
    """Return the input unit that entry ``k`` of the buffer comes from, at output position ``e``."""
    if from_table(layer, e):
        return int(first + layer.table[e * layer.size + k])
    return int(np.int64(layer.starts[e * layer.rows + layer.row[k]]) * layer.channels + first + layer.column[k])


@compiled
def exact_sums(x: F32, layer: Pointers, weight_at: int, e: int, first: int) -> tuple[float, float]:
    """Return sum and absolute sum of a unit's contributions in float64, of exact products.

    Compiled, ``float`` of a float32 is a float32, hence ``np.float64``.
    """
    net, gross = 0.0, 0.0
    for k in range(layer.size):
        weight = layer.weight[weight_at + k]
        if weight != 0 and is_inside(layer, e, k):
            exact = np.float64(x[place_of(layer, e, first, k)]) * np.float64(weight)
            net += exact
            gross += abs(exact)
    return net, gross


@inlined
def is_inside(layer: Pointers, e: int, k: int) -> bool:
    """Say whether entry ``k`` of the buffer stands for an input that exists at output position ``e``: is no padding."""
    if from_table(layer, e):
        return bool(layer.inside[e * (layer.size // LANES) + k // LANES] >> (k % LANES) & 1)
    return bool(layer.starts[e * layer.rows + layer.row[k]] >= 0)


@inlined
def weigh(x: F32, layer: Pointers, weight_at: int, e: int, first: int, sign: np.float32, out: F32) -> Weighed:
    """Write the contributions to the unit at output position ``e`` to ``out``.

    Args:
        weight_at: where the weights of the unit's channel start.
        first: the first input channel of its group.
        sign: by which all contributions are multiplied, 1 or -1.

    Returns:
        the sum of all contributions, and that of the positive ones.
    """
    if from_table(layer, e):
        return _from_table(x, layer, weight_at, e, first, sign, out)
    return _from_rows(x, layer, weight_at, e, first, sign, out)
