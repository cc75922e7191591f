"""Pass wanted units through pools, sums and data movement. Compiled, no GIL.

Activations and masks are ``(n, units)``; strides or sources say how units are numbered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pathprint.profiling.compiled.caching import compiled, inlined
from pathprint.profiling.compiled.vectors import BYTES, bits_at, lowest, pointer
from pathprint.profiling.paths.kernels.cpu.choosing import F32, I32, I64, Options, decide, total_of

U8 = NDArray[np.uint8]


@compiled
def average(
    x: F32,
    taps: I32,
    strides: tuple[int, int, int],
    y: F32,
    mask: U8,
    options: Options,
    scratch: tuple[F32, I64, F32, I32],
) -> U8:
    """Choose inputs for every wanted output of an average-pool; return them as a mask.

    Args:
        taps: ``(e, t)``, -1 for padding.
        strides: number of rows; distance in ``x`` from one row, and from one position, to the next.
        scratch: buffers whose length is the window's, rounded up to ``LANES``: for contributions
            (zeros beyond the window), for what is chosen, and twice 0, 1, 2, … (a contribution's rank
            in the window and its place in the buffer are equal).
    """
    inputs, window = np.zeros(x.shape, np.uint8), taps.shape[1]
    contributions, kept, rank, place = scratch
    buffer, chosen, order, places, size = (
        pointer(contributions),
        pointer(kept),
        pointer(rank),
        pointer(place),
        len(rank),
    )
    for i in range(len(x)):
        for unit in np.flatnonzero(mask[i]):
            first, e = _row_and_position(unit, len(taps), strides)
            sign = np.float32(-1 if y[i, unit] < 0 else 1)
            net, gross = 0.0, 0.0
            for t in range(window):
                inside = taps[e, t] >= 0
                value = sign * x[i, first + taps[e, t] * strides[2]] if inside else np.float32(0)
                contributions[t] = value
                net, gross = net + float(value), gross + abs(float(value))
            total = total_of(net, gross, 0.0, options.reference)
            for j in range(decide(buffer, size, order, places, total, options, chosen)):
                inputs[i, first + taps[e, kept[j]] * strides[2]] = 1
    return inputs


@compiled
def maximum(x: F32, taps: I32, strides: tuple[int, int, int], mask: U8) -> U8:
    """Return a mask of the inputs that are the first largest of a wanted max-pool output; see ``average``."""
    inputs = np.zeros(x.shape, np.uint8)
    for i in range(len(x)):
        values, marked, wanted, windows = pointer(x[i]), pointer(inputs[i]), pointer(mask[i]), pointer(taps)
        for at in range(0, mask.shape[1], BYTES):
            bits = bits_at(wanted, at, mask.shape[1])
            while bits:
                first, e = _row_and_position(at + lowest(bits), len(taps), strides)
                bits &= bits - np.uint64(1)
                best, largest = np.int64(-1), np.float32(0)
                for t in range(taps.shape[1]):
                    tap = np.int64(windows[e * taps.shape[1] + t])
                    value = values[first + (tap if tap >= 0 else 0) * strides[2]]
                    if tap >= 0 and (best < 0 or value > largest):
                        best, largest = tap, value
                marked[first + best * strides[2]] = 1
    return inputs


@inlined
def _row_and_position(unit: np.int64, positions: int, strides: tuple[int, int, int]) -> tuple[np.int64, np.int64]:
    """Return where the row of an output unit starts in the input, and its output position."""
    rows, row_stride, position_stride = strides
    if position_stride > row_stride:  # channels last: the rows of a position lie side by side
        e = np.int64(np.uint32(unit) // np.uint32(rows))  # unsigned division has no special cases
        return (unit - e * rows) * row_stride, e
    return unit // positions * row_stride, unit % positions


@compiled
def add(
    operands: tuple[F32, F32], sources: tuple[I32, I32], scales: tuple[float, float], mask: U8, options: Options
) -> tuple[U8, U8]:
    """Return masks of the chosen units of both operands of a sum: the fewest largest that explain it.

    Two contributions need no search: the larger one (the first on a tie) if it suffices or stands
    alone, else both. If ``sources`` are empty, output unit ``u`` is the sum of units ``u``.
    """
    a, b = operands
    first_mask, second_mask = np.zeros(a.shape, np.uint8), np.zeros(b.shape, np.uint8)
    theta, reference, keep_largest, _ = options
    same = len(sources[0]) == 0
    for i in range(len(a)):
        left, right, wanted = pointer(a[i]), pointer(b[i]), pointer(mask[i])
        left_mask, right_mask = pointer(first_mask[i]), pointer(second_mask[i])
        for at in range(0, mask.shape[1], BYTES):
            bits = bits_at(wanted, at, mask.shape[1])
            while bits:
                unit = at + lowest(bits)
                bits &= bits - np.uint64(1)
                u, v = (unit, unit) if same else (np.int64(sources[0][unit]), np.int64(sources[1][unit]))
                one, two = float(left[u]) * scales[0], float(right[v]) * scales[1]
                if one + two < 0:
                    one, two = -one, -two
                total = one + two if reference != 2 else max(one, 0.0) + max(two, 0.0)
                top, lesser = max(one, two), min(one, two)
                if top <= 0 or (total <= 0 and not keep_largest):
                    continue
                both = total > 0 and lesser > 0 and top < theta * total
                if one >= two or both:
                    left_mask[u] = 1
                if one < two or both:
                    right_mask[v] = 1
    return first_mask, second_mask


@compiled
def move(sources: I32, mask: U8, size: int) -> U8:
    """Return a mask of one input's ``size`` units: those that wanted outputs came from. A source of -1 is no unit."""
    moved = np.zeros((len(mask), size), np.uint8)
    for i in range(len(mask)):
        wanted, target = pointer(mask[i]), pointer(moved[i])
        for at in range(0, mask.shape[1], BYTES):
            bits = bits_at(wanted, at, mask.shape[1])
            while bits:
                source = sources[at + lowest(bits)]
                bits &= bits - np.uint64(1)
                if source >= 0:
                    target[source] = 1
    return moved
