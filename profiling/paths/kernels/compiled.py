"""The compiled loops of the CPU kernel. Numba, without the GIL.

All in one file: numba's cache notices a change of the file that holds a function, but not of the
files that hold the functions it calls.

One wanted unit at a time: its contributions go into a small buffer that stays in the first-level
cache, and the largest are taken out of it one by one until they suffice. Nothing is sorted.

Indices are unsigned where a loop is to be vectorised: for signed ones numba adds a check for
Python's negative indices, which prevents it.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

BLOCK = 32
"""Buffers are padded with zeros to a multiple of this many contributions."""
_FEW = 12
"""So many are chosen one by one before the rest goes into a heap."""
_SCALAR = 4
"""Up to so many channels of a tap are not worth a vectorised pass."""
_SUMS = {"reassoc", "nsz", "nnan", "contract"}  # lets sums and maxima be vectorised


@njit(nogil=True, cache=True)
def _before(contributions: F32, a: int, b: int, taps: int, channels: int) -> bool:
    """Say whether ``a`` is chosen before ``b``: larger first, then the lower (channel, tap)."""
    if contributions[a] != contributions[b]:
        return bool(contributions[a] > contributions[b])
    return bool(_rank(a, taps, channels) < _rank(b, taps, channels))


@njit(nogil=True, cache=True, inline="always", fastmath=_SUMS)
def _rank(k: int, taps: int, channels: int) -> int:
    """Return the position in the receptive field, channel first, of buffer entry ``k``, tap first."""
    return (k % channels) * taps + k // channels


@njit(nogil=True, cache=True)
def _sift_down(contributions: F32, heap: I64, root: int, end: int, taps: int, channels: int) -> None:
    while True:
        child = 2 * root + 1
        if child >= end:
            return
        if child + 1 < end and _before(contributions, heap[child + 1], heap[child], taps, channels):
            child += 1
        if not _before(contributions, heap[child], heap[root], taps, channels):
            return
        heap[root], heap[child] = heap[child], heap[root]
        root = child


@njit(nogil=True, cache=True, inline="always", fastmath=_SUMS)
def _block_maximum(contributions: F32, start: int) -> np.float32:
    """Return the largest contribution of a block."""
    largest, first = np.float32(0), np.uintp(start)
    for k in range(first, first + np.uintp(BLOCK)):
        largest = max(largest, contributions[k])
    return largest


@njit(nogil=True, cache=True, inline="always", fastmath=_SUMS)
def _place_of(value: np.float32, contributions: F32, maxima: F32, taps: int, channels: int) -> int:
    """Return where the largest contribution is; of equal ones, that of the lowest rank."""
    best = -1
    for block in range(len(maxima)):
        if maxima[block] == value:
            for k in range(block * BLOCK, (block + 1) * BLOCK):
                if contributions[k] == value and (best < 0 or _rank(k, taps, channels) < _rank(best, taps, channels)):
                    best = k
    return best


@njit(nogil=True, cache=True)
def _choose_by_heap(contributions: F32, kept: I64, count: int, missing: float, taps: int, channels: int) -> int:
    """Go on choosing from a heap of all that is left; return how many are chosen then."""
    heap = np.flatnonzero(contributions > 0)
    left = len(heap)
    for root in range(left // 2 - 1, -1, -1):
        _sift_down(contributions, heap, root, left, taps, channels)
    reached = 0.0
    while reached < missing and left > 0:
        kept[count] = heap[0]
        reached += contributions[heap[0]]
        count, left = count + 1, left - 1
        heap[0] = heap[left]
        _sift_down(contributions, heap, 0, left, taps, channels)
    return count


@njit(nogil=True, cache=True, fastmath=_SUMS)
def _choose(contributions: F32, maxima: F32, target: float, kept: I64, taps: int, channels: int) -> int:
    """Choose the fewest largest positive contributions whose sum reaches ``target``.

    One after the other, with the maximum of every block at hand: most units need one to three.

    Args:
        contributions: signed, tap first, zeros up to a multiple of ``BLOCK``; chosen ones are
            taken out of it.
        maxima: scratch, one per block. ``kept``: scratch of the length of ``contributions``.

    Returns:
        how many were chosen: ``kept[:count]``. All positive ones if they fall short.
    """
    for block in range(len(maxima)):
        maxima[block] = _block_maximum(contributions, block * BLOCK)
    count, reached = 0, 0.0
    while reached < target:
        largest = np.float32(0)
        for block in range(len(maxima)):
            largest = max(largest, maxima[block])
        if largest <= 0:
            break
        if count == _FEW:
            return int(_choose_by_heap(contributions, kept, count, target - reached, taps, channels))
        best = _place_of(largest, contributions, maxima, taps, channels)
        kept[count] = best
        count, reached = count + 1, reached + float(largest)
        contributions[best] = 0
        maxima[best // BLOCK] = _block_maximum(contributions, best // BLOCK * BLOCK)
    return count


@njit(nogil=True, cache=True, inline="always", fastmath=_SUMS)
def _target(total: float, theta: float, keep_largest: bool) -> float:
    """Return what the chosen contributions must reach; 0 if nothing is to be chosen.

    Any contribution reaches the smallest number there is, so the largest alone is chosen for it.
    """
    if total > 0:
        return theta * total
    return 5e-324 if keep_largest else 0.0


@njit(nogil=True, cache=True, inline="always", fastmath=_SUMS)
def _total(net: float, gross: float, bias: float, reference: int) -> float:
    if reference == 0:
        return net
    return net + bias if reference == 1 else (net + gross) / 2


@njit(nogil=True, cache=True, inline="always", fastmath=_SUMS)
def _multiply(
    x: F32, x_at: int, weight: F32, weight_at: int, count: int, sign: np.float32, out: F32, at: int
) -> tuple[float, float]:
    """Write ``sign * x * weight`` to ``out[at:]``; return their sum and absolute sum.

    The sums are in float64, of exact products: where positive and negative contributions nearly
    cancel, rounding in float32 would decide.
    """
    net, gross = 0.0, 0.0
    a, b, c = np.uintp(x_at), np.uintp(weight_at), np.uintp(at)
    for k in range(np.uintp(count)):
        value = sign * x[a + k]
        out[c + k] = value * weight[b + k]
        exact = float(value) * float(weight[b + k])
        net += exact
        gross += abs(exact)
    return net, gross


@njit(nogil=True, cache=True, inline="always", fastmath=_SUMS)
def _gather(
    x: F32,
    weight: F32,
    weight_at: int,
    taps: I32,
    first: int | np.int64,
    channels: int,
    count: int,
    sign: float,
    out: F32,
) -> tuple[float, float]:
    """Write a unit's contributions, tap by tap; return their sum and absolute sum."""
    net, gross = 0.0, 0.0
    for t in range(len(taps)):
        at = t * count
        if taps[t] < 0:
            out[at : at + count] = 0
        elif count <= _SCALAR:
            for k in range(count):
                value = np.float32(sign) * x[taps[t] * channels + first + k]
                out[at + k] = value * weight[weight_at + at + k]
                exact = float(value) * float(weight[weight_at + at + k])
                net, gross = net + exact, gross + abs(exact)
        else:
            part = _multiply(x, taps[t] * channels + first, weight, weight_at + at, count, np.float32(sign), out, at)
            net, gross = net + part[0], gross + part[1]
    return net, gross


@njit(nogil=True, cache=True, fastmath=_SUMS)
def weighted_image(
    x: F32,
    weight: F32,
    bias: F32,
    taps: I32,
    sizes: tuple[int, int, int],
    strides: tuple[int, int, int],
    y: F32,
    units: I64,
    options: tuple[float, int, bool],
    inputs: U8,
    used: U8,
) -> tuple[int, int, float]:
    """Choose for every wanted unit of one image; mark inputs and weights; return the counts.

    Args:
        x: activations, channels last, flat; ``inputs`` is a mask of the same layout.
        weight: ``(o, t, c)``, flat; ``used`` is a mask of the same layout.
        sizes: output channels, output channels and input channels of one group.
        strides: in units, from one output channel to the next; in ``y`` of channels and positions.
        y: the output's values, flat; only their signs matter; empty if all are positive.
    """
    outputs, group_outputs, count = sizes
    out_channel, y_channel, y_position = strides
    theta, reference, keep_largest = options
    positions, tap_count = taps.shape
    channels, size = count * (outputs // group_outputs), tap_count * count
    contributions = np.zeros(-(-size // BLOCK) * BLOCK, np.float32)
    maxima = np.empty(len(contributions) // BLOCK, np.float32)
    kept = np.empty(len(contributions), np.int64)
    divisor = np.uint32(outputs if out_channel == 1 else positions)
    synapses, unexplained, coherence = 0, 0, 0.0
    for unit in units:
        # Unsigned 32-bit division is several times faster than Python's.
        quotient = np.uint32(unit) // divisor
        rest = np.int64(np.uint32(unit) - quotient * divisor)
        o, e = (rest, np.int64(quotient)) if out_channel == 1 else (np.int64(quotient), rest)
        first = o // group_outputs * count
        sign = -1.0 if len(y) > 0 and y[o * y_channel + e * y_position] < 0 else 1.0
        net, gross = _gather(x, weight, o * size, taps[e], first, channels, count, sign, contributions)
        total = _total(net, gross, sign * bias[o], reference)
        target = _target(total, theta, keep_largest)
        chosen = _choose(contributions, maxima, target, kept, tap_count, count)
        for j in range(chosen):
            t = kept[j] // count
            inputs[taps[e, t] * channels + first + kept[j] - t * count] = 1
            used[o * size + kept[j]] = 1
        unexplained += total <= 0 or chosen == 0
        coherence += net / gross if gross > 0 else 0.0
        synapses += chosen
    return synapses, unexplained, coherence / max(len(units), 1)


@njit(nogil=True, cache=True, fastmath=_SUMS)
def mean_image(
    x: F32, taps: I32, positions: int, y: F32, units: I64, options: tuple[float, int, bool], inputs: U8
) -> None:
    """Choose for every wanted output of an average-pool of one image; mark inputs."""
    theta, reference, keep_largest = options
    size = taps.shape[1]
    contributions = np.zeros(-(-size // BLOCK) * BLOCK, np.float32)
    maxima = np.empty(len(contributions) // BLOCK, np.float32)
    kept = np.empty(len(contributions), np.int64)
    for unit in units:
        row, e = unit // len(taps) * positions, unit % len(taps)
        sign = np.float32(-1 if y[unit] < 0 else 1)
        net, gross = 0.0, 0.0
        for t in range(size):
            contributions[t] = sign * x[row + taps[e, t]] if taps[e, t] >= 0 else np.float32(0)
            net += contributions[t]
            gross += abs(contributions[t])
        target = _target(_total(net, gross, 0.0, reference), theta, keep_largest)
        chosen = _choose(contributions, maxima, target, kept, size, 1)
        for j in range(chosen):
            inputs[row + taps[e, kept[j]]] = 1


@njit(nogil=True, cache=True)
def maximum_image(x: F32, taps: I32, positions: int, units: I64, inputs: U8) -> None:
    """Mark the first largest input of every wanted output of a max-pool of one image."""
    for unit in units:
        row, e = unit // len(taps) * positions, unit % len(taps)
        best = -1
        for t in range(taps.shape[1]):
            at = row + taps[e, t]
            if taps[e, t] >= 0 and (best < 0 or x[at] > x[best]):
                best = at
        inputs[best] = 1
