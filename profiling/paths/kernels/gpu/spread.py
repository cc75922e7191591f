"""Choose for long receptive fields: all threads of a program share one wanted unit. Triton.

Each thread holds some of the unit's contributions, and knows the two largest of those that are left. So the largest
of all is found by comparing what the threads know, and their contributions are looked at again only after a thread
has given away both. What this way cannot decide, equal contributions of which only some are needed and units that
need many, is decided by halving the range of levels.

Contributions are ordered by their float32 products, equal ones by rank, the place in the order of the weights. What
must be reached is summed in float64 of exact products, so no bound of an error is needed.
"""

from __future__ import annotations

import triton
import triton.language as tl

from pathprint.profiling.paths.kernels.gpu.wanted import add_sums, list_block, share_of_ties, split, total_of

_COHERENCE = tl.constexpr(4398046511104.0)
_NO_RANK = tl.constexpr(2147483647)
_INFINITY = tl.constexpr(2139095040)
"""float32 infinity as a number. Positive float32 values are ordered as the numbers that their bits are."""


@triton.jit
def _place(start: tl.constexpr, length: tl.constexpr, lanes: tl.constexpr):
    return start * lanes + tl.arange(0, length)[None, :] * lanes + tl.arange(0, lanes)[:, None]


@triton.jit
def _rank(
    start: tl.constexpr, length: tl.constexpr, lanes: tl.constexpr, per_group: tl.constexpr, window: tl.constexpr
):  # fmt: skip
    place = _place(start, length, lanes)
    return place % per_group * window + place // per_group


@triton.jit
def _position(
    taps, start: tl.constexpr, length: tl.constexpr, lanes: tl.constexpr, fan_in: tl.constexpr,
    per_group: tl.constexpr, window: tl.constexpr,
):  # fmt: skip
    """Return the input position of each place, -1 for padding: one for a whole row of threads where that is enough."""
    if window == 1:
        position = tl.load(taps + tl.zeros([1, 1], tl.int32))
    elif per_group % lanes == 0:
        tap = (start + tl.arange(0, length)[None, :]) * lanes // per_group
        position = tl.load(taps + tap, mask=tap < window, other=-1)
    else:
        place = _place(start, length, lanes)
        position = tl.load(taps + place // per_group, mask=place < fan_in, other=-1)
    return position


@triton.jit
def _gather(
    x, weight, taps, start: tl.constexpr, length: tl.constexpr, lanes: tl.constexpr, fan_in: tl.constexpr,
    per_group: tl.constexpr, window: tl.constexpr, x_position,
):  # fmt: skip
    """Return inputs and weights ``(lanes, length)`` of a unit's places from row ``start`` on; zeros where none is."""
    place = _place(start, length, lanes)
    position = _position(taps, start, length, lanes, fan_in, per_group, window)
    exists = (place < fan_in) & (position >= 0)
    a = tl.load(x + (position * x_position + place % per_group), mask=exists, other=0.0)
    b = tl.load(weight + place, mask=exists, other=0.0)
    return a, b


@triton.jit
def _bits(values):
    """Return positive values as numbers in their order; 0 for all others."""
    return tl.where(values > 0, values.to(tl.int32, bitcast=True), 0)


@triton.jit
def _below(bits, last):
    """Return the two largest different numbers below ``last`` in each row."""
    first = tl.max(tl.where(bits < last, bits, 0), axis=1)
    return first, tl.max(tl.where(bits < first[:, None], bits, 0), axis=1)


@triton.jit
def _heads(bits, more, last, rest: tl.constexpr):
    """Return what ``_below`` does for the rows of both parts."""
    first, second = _below(bits, last)
    if rest > 0:
        third, fourth = _below(more, last)
        both = tl.where(first == third, tl.maximum(second, fourth), tl.minimum(first, third))
        second = tl.maximum(both, tl.where(first > third, second, tl.where(third > first, fourth, 0)))
        first = tl.maximum(first, third)
    return first, second


@triton.jit
def _count(bits, more, level, rest: tl.constexpr):
    """Return how many numbers are at least ``level``."""
    found = tl.sum(tl.sum((bits >= level).to(tl.int32), axis=1), axis=0)
    if rest > 0:
        found += tl.sum(tl.sum((more >= level).to(tl.int32), axis=1), axis=0)
    return found


@triton.jit
def _sum_one(bits, level):
    values = tl.where(bits >= level, bits, 0).to(tl.float32, bitcast=True)
    return tl.sum(tl.sum(values.to(tl.float64), axis=1), axis=0)


@triton.jit
def _sum(bits, more, level, rest: tl.constexpr):
    """Return the sum, float64, of contributions that are at least ``level``."""
    found = _sum_one(bits, level)
    if rest > 0:
        found += _sum_one(more, level)
    return found


@triton.jit
def _count_ties(bits, more, level, rank, more_rank, cut, rest: tl.constexpr):
    """Return how many contributions of size ``level`` have a rank of at most ``cut``."""
    found = tl.sum(tl.sum(((bits == level) & (rank <= cut)).to(tl.int32), axis=1), axis=0)
    if rest > 0:
        found += tl.sum(tl.sum(((more == level) & (more_rank <= cut)).to(tl.int32), axis=1), axis=0)
    return found


@triton.jit
def _mark(
    bits, level, cut, inputs, used, taps, start: tl.constexpr, length: tl.constexpr, lanes: tl.constexpr,
    fan_in: tl.constexpr, per_group: tl.constexpr, window: tl.constexpr, channel_stride, position_stride,
):  # fmt: skip
    rank = _rank(start, length, lanes, per_group, window)
    chosen = (bits > level) | ((bits == level) & (rank <= cut))
    position = _position(taps, start, length, lanes, fan_in, per_group, window)
    channel = _place(start, length, lanes) % per_group
    one = tl.full([lanes, length], 1, tl.uint8)
    tl.store(inputs + (channel * channel_stride + position * position_stride), one, mask=chosen)
    tl.store(used + rank, one, mask=chosen)


_NUMBERS = ("units", "positions", "outputs", "group_outputs", "size", "weights")
_STRIDES = ("weight_stride", "x_channel", "x_position", "channel_stride", "position_stride")


# Triton must not know which numbers are even: it would read several places at once for each thread, in another order.
@triton.jit(do_not_specialize=[*_NUMBERS, *_STRIDES])
def choose(  # noqa: C901  # one start of one function: most branches are decided when it is compiled
    x, weight, bias, taps, y, wanted, listed, theta, inputs, used, sums,
    units, positions, outputs, group_outputs, size, weights, weight_stride,
    x_channel, x_position, channel_stride, position_stride,
    fan_in: tl.constexpr, per_group: tl.constexpr, window: tl.constexpr,
    reference: tl.constexpr, argmax: tl.constexpr, signed: tl.constexpr, channels_last: tl.constexpr,
    block: tl.constexpr, lanes: tl.constexpr, main: tl.constexpr, rest: tl.constexpr, steps: tl.constexpr,
):  # fmt: skip
    """Choose for the wanted units among ``block`` units of one image, one by one; mark inputs and weights.

    Args:
        x: float32 ``(n, size)``; the channels of a group are numbered one by one, groups with ``x_channel`` for each
            channel, positions with ``x_position``.
        weight_stride: ``fan_in``.
        lanes: places side by side, one to a thread; ``(main + rest) * lanes`` is ``fan_in`` at least. Both are powers
            of two; ``rest`` may be 0.
        steps: how many largest contributions are looked up one by one.
        (all others): see ``side_by_side.choose``.
    """
    image = tl.program_id(1).to(tl.int64)
    own = listed + (image * tl.num_programs(0) + tl.program_id(0)) * block
    count = list_block(wanted + image * units, own, units, block)
    synapses = count * 0
    with_reason = count * 0
    one_sided = count.to(tl.int64) * 0
    x += image * size
    used += image * weights
    for row in range(0, count):
        unit = tl.load(own + row)
        o, e = split(unit, positions, outputs, channels_last)
        first_channel = o // group_outputs * per_group
        seen = taps + e * window
        a, b = _gather(
            x + first_channel * x_channel, weight + o * weight_stride,
            seen, 0, main, lanes, fan_in, per_group, window, x_position
        )  # fmt: skip
        values = a * b
        exact = a.to(tl.float64) * b.to(tl.float64)
        net, gross = tl.sum(exact, axis=1), tl.sum(tl.abs(values), axis=1)
        if rest > 0:
            a, b = _gather(
                x + first_channel * x_channel, weight + o * weight_stride,
                seen, main, rest, lanes, fan_in, per_group, window,
                x_position,
            )  # fmt: skip
            more_values = a * b
            exact = a.to(tl.float64) * b.to(tl.float64)
            net += tl.sum(exact, axis=1)
            gross += tl.sum(tl.abs(more_values), axis=1)
        else:
            more_values = values
        net, gross = tl.sum(net, axis=0), tl.sum(gross.to(tl.float64), axis=0)
        sign = net * 0 + 1
        if signed:
            sign = tl.where(tl.load(y + image * units + unit) < 0, -sign, sign)
            values *= sign.to(tl.float32)
            more_values *= sign.to(tl.float32)
            net *= sign
        shift = net * 0
        if reference == 1:
            shift = tl.load(bias + o).to(tl.float64) * sign
        total = total_of(net, gross, shift, reference)
        target = tl.load(theta) * total  # not positive: one contribution is always enough
        bits = _bits(values)
        more = _bits(more_values)

        first, second = _heads(bits, more, _INFINITY, rest)
        left = tl.full([lanes], 2, tl.int32)  # how many of a thread's contributions are known
        largest = tl.max(first, axis=0)
        level = largest * 0 + _INFINITY  # of the contribution that was taken last
        taken = largest * 0
        reached = net * 0
        going = largest > 0
        if not argmax:
            going = going & (total > 0)
        while going:
            top = tl.max(first, axis=0)
            found = first == top
            level = tl.where(top > 0, top, level)
            ties = tl.sum(found.to(tl.int32), axis=0)
            taken += tl.where(top > 0, ties, 0)
            reached += ties.to(tl.float64) * top.to(tl.float32, bitcast=True).to(tl.float64)
            first = tl.where(found, second, first)
            second = tl.where(found, 0, second)
            left = tl.where(found & (top > 0), left - 1, left)
            going = (top > 0) & (reached < target) & (taken < steps)
            if going & (tl.min(left, axis=0) == 0):
                first, second = _heads(bits, more, level, rest)
                left = tl.full([lanes], 2, tl.int32)
        cut = largest * 0 + _NO_RANK  # of equal contributions at the level, the last rank that is chosen

        if taken > 0:
            # Right if each level has one contribution, and all were looked up that it takes.
            size_of_level = level.to(tl.float32, bitcast=True).to(tl.float64)
            needed = (taken == 1) | (reached - size_of_level < target)
            settled = needed & ((reached >= target) | (taken < steps)) & (_count(bits, more, level, rest) == taken)
            if not settled:
                low, high = largest * 0 + 1, largest + 1  # positive contributions from low on suffice, if any do
                while high - low > 1:
                    middle = low + (high - low) // 2
                    enough = _sum(bits, more, middle, rest) >= target
                    low = tl.where(enough, middle, low)
                    high = tl.where(enough, high, middle)
                level = low
                above = _count(bits, more, level + 1, rest)
                ties = _count(bits, more, level, rest) - above
                size_of_level = level.to(tl.float32, bitcast=True).to(tl.float64)
                part = share_of_ties(_sum(bits, more, level + 1, rest), target, size_of_level, ties)
                part = tl.minimum(part, ties)
                taken = above + part
                if part < ties:
                    rank = _rank(0, main, lanes, per_group, window)
                    more_rank = _rank(main, rest if rest > 0 else 1, lanes, per_group, window)
                    low, high = largest * 0 - 1, largest * 0 + fan_in - 1  # up to low too few, up to high enough
                    while high - low > 1:
                        middle = low + (high - low) // 2
                        enough = _count_ties(bits, more, level, rank, more_rank, middle, rest) >= part
                        low = tl.where(enough, low, middle)
                        high = tl.where(enough, middle, high)
                    cut = high
            marked = inputs + image * size + first_channel.to(tl.int64) * channel_stride
            _mark(
                bits, level, cut, marked, used + o * weight_stride, seen, 0, main, lanes, fan_in, per_group, window,
                channel_stride, position_stride,
            )  # fmt: skip
            if rest > 0:
                _mark(
                    more, level, cut, marked, used + o * weight_stride, seen, main, rest, lanes, fan_in, per_group,
                    window, channel_stride, position_stride,
                )  # fmt: skip
        synapses += taken
        with_reason += tl.where((total > 0) & (taken > 0), 1, 0)
        one_sided += (tl.where(gross > 0, net / tl.where(gross > 0, gross, 1.0), 0.0) * _COHERENCE).to(tl.int64)
    if count > 0:
        add_sums(sums + image * 4, synapses, with_reason, one_sided, count)
