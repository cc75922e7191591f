"""Choose the inputs of a convolution or linear layer. Triton.

A program takes a few wanted units and a tile of each one's receptive field. The largest
contribution is looked up, round by round, among those that rank behind the last one taken, so that
nothing is sorted and nothing has to be crossed out: a receptive field that is longer than a tile is
gathered again in every round, mostly from the caches, and needs no memory of its own.

Contributions are ordered by their float32 products, equal ones by rank. What must be reached is
summed in float64 of exact products, so no bound of an error is needed.
"""

from __future__ import annotations

import triton
import triton.language as tl

_NO_RANK = tl.constexpr(2147483647)


@triton.jit
def _gather(x, weight, taps, here, x_at, weight_at, taps_at, start, channels, per_group, window, tile: tl.constexpr):
    """Return inputs and weights ``(units, tile)`` from place ``start`` of the receptive fields on, and ranks.

    Places go tap by tap, the channels of a tap side by side, as they lie in memory. Padding and
    units that are not ``here`` have zeros. The rank, ``(tile,)``, is the place in the order of the
    weights: channel first.
    """
    place = start + tl.arange(0, tile)
    tap, channel = place // per_group, place % per_group
    exists = (here > 0)[:, None] & (place < per_group * window)[None, :]
    position = tl.load(taps + taps_at[:, None] + tap[None, :], mask=exists, other=-1)
    exists = exists & (position >= 0)
    inputs = x_at[:, None] + position.to(tl.int64) * channels + channel[None, :]
    values = tl.load(x + inputs, mask=exists, other=0.0)
    weights = tl.load(weight + weight_at[:, None] + place[None, :], mask=exists, other=0.0)
    return values, weights, channel * window + tap


@triton.jit
def _sums(
    x, weight, taps, here, x_at, weight_at, taps_at, sign, channels, per_group, window,
    units: tl.constexpr, tile: tl.constexpr,
):  # fmt: skip
    """Return sum and absolute sum of each unit's signed contributions, float64, of exact products."""
    net = tl.zeros([units], tl.float64)
    gross = tl.zeros([units], tl.float64)
    for start in range(0, per_group * window, tile):
        a, b, _ = _gather(x, weight, taps, here, x_at, weight_at, taps_at, start, channels, per_group, window, tile)
        exact = a.to(tl.float64) * b.to(tl.float64) * sign.to(tl.float64)[:, None]
        net += tl.sum(exact, axis=1)
        gross += tl.sum(tl.abs(exact), axis=1)
    return net, gross


@triton.jit
def _largest(values, rank, last, last_rank):
    """Return each row's largest value that comes after the last one taken, and its rank; 0 if none is positive."""
    after = (values < last[:, None]) | ((values == last[:, None]) & (rank[None, :] > last_rank[:, None]))
    top = tl.max(tl.where(after, values, 0.0), axis=1)
    first = tl.min(tl.where(after & (values == top[:, None]), rank[None, :], _NO_RANK), axis=1)
    return tl.maximum(top, 0.0), first


@triton.jit
def _largest_of_tiles(
    x, weight, taps, here, x_at, weight_at, taps_at, sign, channels, per_group, window, last, last_rank,
    units: tl.constexpr, tile: tl.constexpr,
):  # fmt: skip
    """Return what ``_largest`` does, for receptive fields that are longer than a tile: gather them tile by tile."""
    top = tl.zeros([units], tl.float32)
    first = tl.full([units], _NO_RANK, tl.int32)
    for start in range(0, per_group * window, tile):
        a, b, rank = _gather(x, weight, taps, here, x_at, weight_at, taps_at, start, channels, per_group, window, tile)
        some, some_first = _largest(a * b * sign[:, None], rank, last, last_rank)
        first = tl.where(some > top, some_first, tl.where(some == top, tl.minimum(first, some_first), first))
        top = tl.maximum(top, some)
    return top, first


@triton.jit(do_not_specialize=["count"])
def choose(
    x, weight, bias, taps, y, image, unit, theta, inputs, used, chosen, explained, coherence, short,
    count, positions, outputs, group_outputs, size, channels, per_group, window, channel_stride, position_stride,
    reference: tl.constexpr, argmax: tl.constexpr, signed: tl.constexpr, channels_last: tl.constexpr,
    few: tl.constexpr, units: tl.constexpr, tile: tl.constexpr, one_tile: tl.constexpr,
):  # fmt: skip
    """Choose for ``count`` wanted units, ``units`` a program; mark the chosen inputs and weights.

    Args:
        x: float32 ``(n, input positions, channels)``. ``y``: ``(n, positions, outputs)``, of which
            only signs matter; not read unless ``signed``.
        weight: float32 ``(outputs, window, per_group)``. ``bias``: float32 ``(outputs,)``.
        taps: int32 ``(positions, window)``, -1 for padding.
        image, unit: int64 ``(count,)``: the image of each wanted unit, and its number in C order.
        theta: float64 ``(1,)``; as a plain number it would be rounded to float32.
        inputs, used: uint8 ``(n, size)`` and ``(n, weights)``, in C order; an input unit is
            numbered with ``channel_stride`` and ``position_stride``. Several programs may mark one
            element; all of them write 1.
        chosen, explained, coherence: set for each unit: int32 how many were chosen, int32 whether
            it is explained, float64 net over gross contribution.
        short: int32, set to 1 where ``few`` contributions did not suffice.
        reference: 0 sum, 1 output, 2 positive.
        argmax: whether the largest contribution is kept where the total is not positive.
        channels_last: how output units are numbered.
        one_tile: whether a receptive field fits one tile; it is then gathered once for all rounds.
    """
    row = tl.program_id(0).to(tl.int64) * units + tl.arange(0, units)
    mine = row < count
    here = tl.where(mine, 1, 0)
    i = tl.load(image + row, mask=mine, other=0)
    number = tl.load(unit + row, mask=mine, other=0)
    o, e = number // positions, number % positions
    if channels_last:
        o, e = number % outputs, number // outputs
    first_channel = o // group_outputs * per_group
    x_at, weight_at, taps_at = i * size + first_channel, o * (per_group * window), e * window
    sign = tl.full([units], 1.0, tl.float32)
    if signed:
        sign = tl.where(tl.load(y + (i * positions + e) * outputs + o, mask=mine, other=0.0) < 0, -1.0, 1.0)

    net, gross = _sums(
        x, weight, taps, here, x_at, weight_at, taps_at, sign, channels, per_group, window, units, tile
    )  # fmt: skip
    total = net
    if reference == 1:
        total = net + tl.load(bias + o, mask=mine, other=0.0).to(tl.float64) * sign.to(tl.float64)
    if reference == 2:
        total = (net + gross) * 0.5
    target = tl.load(theta) * total  # not positive: one contribution is always enough

    if one_tile:
        a, b, rank = _gather(x, weight, taps, here, x_at, weight_at, taps_at, 0, channels, per_group, window, tile)
        values = a * b * sign[:, None]
    reached = tl.zeros([units], tl.float64)
    taken = tl.zeros([units], tl.int32)
    last = tl.full([units], float("inf"), tl.float32)
    last_rank = tl.zeros([units], tl.int32)
    wanting = here if argmax else tl.where(total > 0, here, 0)
    while tl.max(wanting, axis=0) > 0:
        if one_tile:
            top, first = _largest(values, rank, last, last_rank)
        else:
            top, first = _largest_of_tiles(
                x, weight, taps, wanting, x_at, weight_at, taps_at, sign, channels, per_group, window, last, last_rank,
                units, tile,
            )  # fmt: skip
        take = (wanting > 0) & (top > 0)
        position = tl.load(taps + taps_at + first % window, mask=take, other=0).to(tl.int64)
        place = (first_channel + first // window) * channel_stride + position * position_stride
        one = tl.full([units], 1, tl.uint8)
        tl.store(inputs + i * size + place, one, mask=take)
        tl.store(used + i * outputs * (per_group * window) + weight_at + first, one, mask=take)
        reached += tl.where(take, top, 0.0).to(tl.float64)
        taken += tl.where(take, 1, 0)
        last = tl.where(take, top, last)
        last_rank = tl.where(take, first, last_rank)
        wanting = tl.where(take & (reached < target) & (taken < few), 1, 0)

    tl.store(chosen + row, taken, mask=mine)
    tl.store(explained + row, tl.where((total > 0) & (taken > 0), 1, 0), mask=mine)
    tl.store(coherence + row, tl.where(gross > 0, net / tl.where(gross > 0, gross, 1.0), 0.0), mask=mine)
    tl.store(short + row, tl.where((reached < target) & (taken == few), 1, 0), mask=mine)
