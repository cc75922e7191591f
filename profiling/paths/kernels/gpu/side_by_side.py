"""Choose for short receptive fields: each thread takes a wanted unit of its own. Triton.

Contributions are ordered by their float32 products, equal ones by rank, the place in the order of the weights. What
must be reached is summed in float64 of exact products, so no bound of an error is needed.
"""

from __future__ import annotations

import triton
import triton.language as tl

from pathprint.profiling.paths.kernels.gpu.wanted import add_sums, list_block, share_of_ties, split, total_of

_NO_RANK = tl.constexpr(2147483647)
_COHERENCE = tl.constexpr(4398046511104.0)


@triton.jit
def _position(taps, e, exists, positions, start: tl.constexpr, length: tl.constexpr, per_group: tl.constexpr):
    """Return the input position of each unit's places from ``start`` on; -1 for padding and where none exists."""
    place = start + tl.arange(0, length)[None, :]
    return tl.load(taps + (place // per_group * positions + e[:, None]), mask=exists, other=-1)


@triton.jit
def _only_position(taps, e, here):
    """Return what ``_position`` does where all places of a unit have one input position."""
    return tl.load(taps + e, mask=here, other=-1)[:, None]


@triton.jit
def _gather(
    x, weight, taps, o, e, first, here, positions, outputs, start: tl.constexpr, length: tl.constexpr,
    fan_in: tl.constexpr, per_group: tl.constexpr, window: tl.constexpr, channel_stride, position_stride,
):  # fmt: skip
    """Return inputs and weights ``(units, length)`` of places from ``start`` on; zeros where none is."""
    place = start + tl.arange(0, length)[None, :]
    exists = here[:, None] & (place < fan_in)
    if window == 1:
        position = _only_position(taps, e, here)
    else:
        position = _position(taps, e, exists, positions, start, length, per_group)
    exists = exists & (position >= 0)
    at = (first[:, None] + place % per_group) * channel_stride + position * position_stride
    a = tl.load(x + at, mask=exists, other=0.0)
    b = tl.load(weight + (place * outputs + o[:, None]), mask=exists, other=0.0)
    return a, b


@triton.jit
def _rank(start: tl.constexpr, length: tl.constexpr, per_group: tl.constexpr, window: tl.constexpr):
    place = start + tl.arange(0, length)[None, :]
    return place % per_group * window + place // per_group


@triton.jit
def _mark(
    chosen, inputs, used, taps, o, e, first, here, positions, start: tl.constexpr, length: tl.constexpr,
    fan_in: tl.constexpr, per_group: tl.constexpr, window: tl.constexpr, channel_stride, position_stride, weight_step,
):  # fmt: skip
    """Mark the inputs and weights of chosen contributions ``(units, length)``, at places from ``start`` on."""
    if window == 1:
        position = _only_position(taps, e, here)
    else:
        position = _position(taps, e, chosen, positions, start, length, per_group)
    channel = first[:, None] + (start + tl.arange(0, length)[None, :]) % per_group
    one = tl.full(chosen.shape, 1, tl.uint8)
    tl.store(inputs + (channel * channel_stride + position * position_stride), one, mask=chosen)
    tl.store(used + (o[:, None] * fan_in + _rank(start, length, per_group, window) * weight_step), one, mask=chosen)


_NUMBERS = ("units", "positions", "outputs", "group_outputs", "size", "weights")
_STRIDES = ("x_channel", "x_position", "channel_stride", "position_stride", "weight_step")


# Triton must not know which numbers are 1 or even: it would have threads share a unit, to read places side by side, and
# then carry everything from thread to thread. It would also compile the function anew for every layer.
@triton.jit(do_not_specialize=[*_NUMBERS, *_STRIDES])
def choose(  # noqa: C901  # one start of one function: most branches are decided when it is compiled
    x, weight, bias, taps, y, wanted, listed, theta, inputs, used, sums,
    units, positions, outputs, group_outputs, size, weights,
    x_channel, x_position, channel_stride, position_stride, weight_step,
    fan_in: tl.constexpr, per_group: tl.constexpr, window: tl.constexpr,
    reference: tl.constexpr, argmax: tl.constexpr, signed: tl.constexpr, channels_last: tl.constexpr,
    block: tl.constexpr, lanes: tl.constexpr, main: tl.constexpr, rest: tl.constexpr,
):  # fmt: skip
    """Choose for the wanted units among ``block`` units of one image, ``lanes`` at a time; mark inputs and weights.

    Args:
        x: float32 ``(n, size)``, whose unit of a channel and position is numbered with ``x_channel``, ``x_position``.
        y: float32 ``(n, units)``, of which only signs matter; not read unless ``signed``.
        weight: float32 ``(window, per_group, outputs)``. ``bias``: float32 ``(outputs,)``.
        taps: int32 ``(window, positions)``, -1 for padding.
        wanted: bool ``(n, units)``, C order. ``listed``: int32 ``(n, blocks, block)``, room for lists.
        theta: float64 ``(1,)``; as a plain number it would be rounded to float32.
        inputs, used: uint8 ``(n, size)`` and ``(n, weights)``, in C order; an input unit is numbered with
            ``channel_stride`` and ``position_stride``. Several programs may mark one element; all of them write 1.
        sums: int64 ``(n, 4)``: chosen synapses, explained units, coherence times 2 ** 42, wanted units.
        weight_step: 1.
        reference: see ``wanted.total_of``.
        argmax: whether the largest contribution is kept where the total is not positive.
        channels_last: how output units are numbered.
        main, rest: powers of two that add up to ``fan_in`` at least; ``rest`` may be 0.
    """
    image = tl.program_id(1).to(tl.int64)
    own = listed + (image * tl.num_programs(0) + tl.program_id(0)) * block
    count = list_block(wanted + image * units, own, units, block)
    synapses = tl.zeros([lanes], tl.int32)
    with_reason = tl.zeros([lanes], tl.int32)
    one_sided = tl.zeros([lanes], tl.int64)
    x += image * size
    inputs += image * size
    used += image * weights
    rank = _rank(0, main, per_group, window)
    for start in range(0, count, lanes):
        row = start + tl.arange(0, lanes)
        here = row < count
        unit = tl.load(own + row, mask=here, other=0)
        o, e = split(unit, positions, outputs, channels_last)
        first = o // group_outputs * per_group
        a, b = _gather(
            x, weight, taps, o, e, first, here, positions, outputs, 0, main,
            fan_in, per_group, window, x_channel, x_position
        )  # fmt: skip
        values = a * b
        exact = a.to(tl.float64) * b.to(tl.float64)
        net, gross = tl.sum(exact, axis=1), tl.sum(tl.abs(exact), axis=1)
        if rest > 0:
            a, b = _gather(
                x, weight, taps, o, e, first, here, positions, outputs, main, rest,
                fan_in, per_group, window, x_channel, x_position
            )  # fmt: skip
            more = a * b
            exact = a.to(tl.float64) * b.to(tl.float64)
            net += tl.sum(exact, axis=1)
            gross += tl.sum(tl.abs(exact), axis=1)
        sign = tl.full([lanes], 1.0, tl.float32)
        if signed:
            sign = tl.where(tl.load(y + image * units + unit, mask=here, other=0.0) < 0, -1.0, 1.0)
            values *= sign[:, None]
            if rest > 0:
                more *= sign[:, None]
            net *= sign.to(tl.float64)
        shift = tl.zeros([lanes], tl.float64)
        if reference == 1:
            shift = tl.load(bias + o, mask=here, other=0.0).to(tl.float64) * sign.to(tl.float64)
        total = total_of(net, gross, shift, reference)
        target = tl.load(theta) * total  # not positive: one contribution is always enough

        wanting = here if argmax else here & (total > 0)
        reached = tl.zeros([lanes], tl.float64)
        taken = tl.zeros([lanes], tl.int32)
        level = tl.full([lanes], float("inf"), tl.float32)
        kept = tl.zeros([lanes], tl.int32)  # of equal contributions at the level, where not all are
        while tl.max(wanting.to(tl.int32), axis=0) > 0:
            top = tl.max(tl.where(values < level[:, None], values, 0.0), axis=1)
            ties = tl.sum((values == top[:, None]).to(tl.int32), axis=1)
            if rest > 0:
                other = tl.max(tl.where(more < level[:, None], more, 0.0), axis=1)
                others = tl.sum((more == other[:, None]).to(tl.int32), axis=1)
                ties = tl.where(top < other, others, tl.where(top == other, ties + others, ties))
                top = tl.maximum(top, other)
            take = wanting & (top > 0)
            step = top.to(tl.float64)
            part = tl.where(take, share_of_ties(reached, target, step, ties), 0)
            kept = tl.where(take & (part < ties), part, kept)
            reached += part.to(tl.float64) * step
            taken += part
            level = tl.where(take, top, level)
            wanting = take & (reached < target)

        cut = tl.where(kept > 0, -1, _NO_RANK)  # of equal contributions at the level, the last rank that is chosen
        while tl.max(kept, axis=0) > 0:
            after = (values == level[:, None]) & (rank > cut[:, None])
            next_rank = tl.min(tl.where(after, rank, _NO_RANK), axis=1)
            if rest > 0:
                more_rank = _rank(main, rest, per_group, window)
                after = (more == level[:, None]) & (more_rank > cut[:, None])
                next_rank = tl.minimum(next_rank, tl.min(tl.where(after, more_rank, _NO_RANK), axis=1))
            cut = tl.where(kept > 0, next_rank, cut)
            kept = tl.maximum(kept - 1, 0)

        chosen = (values > level[:, None]) | ((values == level[:, None]) & (rank <= cut[:, None]))
        _mark(
            chosen, inputs, used, taps, o, e, first, here, positions, 0, main, fan_in, per_group, window,
            channel_stride, position_stride, weight_step,
        )  # fmt: skip
        if rest > 0:
            more_rank = _rank(main, rest, per_group, window)
            chosen = (more > level[:, None]) | ((more == level[:, None]) & (more_rank <= cut[:, None]))
            _mark(
                chosen, inputs, used, taps, o, e, first, here, positions, main, rest, fan_in, per_group, window,
                channel_stride, position_stride, weight_step,
            )  # fmt: skip
        synapses += taken
        with_reason += (here & (total > 0) & (taken > 0)).to(tl.int32)
        share = tl.where(gross > 0, net / tl.where(gross > 0, gross, 1.0), 0.0)
        one_sided += (share * _COHERENCE).to(tl.int64)
    if count > 0:
        add_sums(
            sums + image * 4, tl.sum(synapses, axis=0), tl.sum(with_reason, axis=0), tl.sum(one_sided, axis=0), count
        )
