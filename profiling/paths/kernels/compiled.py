"""The compiled loops of the CPU kernel. Numba, without the GIL.

All in one file: numba's cache notices a change of the file that holds a function, but not of the
files that hold the functions it calls.

One wanted unit at a time: its contributions go into a small buffer that stays in the first-level
cache. Nothing is sorted: a cut is halved from the largest contribution until those above it
suffice, and the bracket between the last two cuts is narrowed; all above it are chosen, and only
the few inside it are put in order. Each look at a cut is one vectorised pass over the buffer.

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
"""So many are chosen one by one before the rest is bracketed."""
_NARROWINGS = 4
_NOTHING = np.float32(np.inf)
_SCALAR = 4
"""Up to so many channels of a tap are not worth a vectorised pass."""
_TINY = np.float32(1e-45)
"""The smallest positive float32: only strictly positive contributions can be chosen."""
_SUMS = {"reassoc", "nsz", "nnan", "contract"}  # lets sums and maxima be vectorised


@njit(nogil=True, cache=True, fastmath=_SUMS)
def members(mask: U8, columns: int, numbers: I64, stride: int) -> I64:
    """Return the members of a mask of zeros and ones, in the order of its memory.

    The element in row ``r`` and column ``k`` (of ``columns``) is called ``r * stride + numbers[k]``.
    """
    size, block = np.uintp(len(mask)), np.uintp(64)
    count = 0
    for k in range(size):
        count += mask[k]
    found = np.empty(count, np.int64)
    n, start, width = 0, np.uintp(0), np.uint32(columns)
    while start < size:
        end = min(start + block, size)
        some = np.uint8(0)
        for k in range(start, end):
            some |= mask[k]
        if some:
            for k in range(start, end):
                if mask[k]:
                    row = np.uint32(k) // width
                    found[n] = np.int64(row) * stride + numbers[np.uint32(k) - row * width]
                    n += 1
        start = end
    return found


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


@njit(nogil=True, cache=True)
def _take_largest(
    contributions: F32, kept: I64, end: int, missing: float, taps: int, channels: int
) -> tuple[int, float]:
    """Move the largest candidates in ``kept[:end]`` to its front until they reach ``missing``.

    Returns how many they are, and what they add up to.
    """
    first, reached = 0, 0.0
    if end > 2 * _FEW:  # a heap; fewer are ordered by looking for the largest again and again
        heap = kept[:end].copy()
        for root in range(end // 2 - 1, -1, -1):
            _sift_down(contributions, heap, root, end, taps, channels)
        while reached < missing and end > 0:
            kept[first] = heap[0]
            reached += contributions[heap[0]]
            first, end = first + 1, end - 1
            heap[0] = heap[end]
            _sift_down(contributions, heap, 0, end, taps, channels)
        return first, reached
    while reached < missing and first < end:
        best = first
        for j in range(first + 1, end):
            if _before(contributions, kept[j], kept[best], taps, channels):
                best = j
        kept[first], kept[best] = kept[best], kept[first]
        reached += contributions[kept[first]]
        first += 1
    return first, reached


@njit(nogil=True, cache=True, fastmath=_SUMS)
def _sum_above(contributions: F32, cut: np.float32) -> float:
    """Return the sum of the contributions that are at least ``cut``."""
    total = np.float32(0)
    for k in range(np.uintp(len(contributions))):
        total += contributions[k] if contributions[k] >= cut else np.float32(0)
    return float(total)


@njit(nogil=True, cache=True, fastmath=_SUMS)
def _exact_sum_above(contributions: F32, cut: np.float32) -> float:
    """Return the same in float64."""
    total = 0.0
    for k in range(np.uintp(len(contributions))):
        total += float(contributions[k] if contributions[k] >= cut else np.float32(0))
    return total


@njit(nogil=True, cache=True, fastmath=_SUMS)
def _between(contributions: F32, low: np.float32, high: np.float32, kept: I64) -> int:
    """List in ``kept`` the contributions from ``low`` to below ``high``; return how many there are."""
    count = 0
    for block in range(0, len(contributions), BLOCK):
        some, start = np.int32(0), np.uintp(block)
        for k in range(start, start + np.uintp(BLOCK)):
            some += np.int32((contributions[k] >= low) & (contributions[k] < high))
        if some:
            for k in range(block, block + BLOCK):
                if low <= contributions[k] < high:
                    kept[count] = k
                    count += 1
    return count


@njit(nogil=True, cache=True)
def _bracket(contributions: F32, largest: np.float32, target: float) -> tuple[np.float32, np.float32]:
    """Return cuts ``low < high``: what is at least ``low`` reaches the target, what is at least ``high`` does not.

    ``low`` is the smallest positive number if all together fall short.
    """
    above_all = np.float32(largest * 1.000001)
    high, low = above_all, np.float32(largest * 0.5)
    while low > _TINY and _sum_above(contributions, low) < target:
        high, low = low, max(low * np.float32(0.5), _TINY)
    for _ in range(_NARROWINGS):
        middle = (low + high) * np.float32(0.5)
        if _sum_above(contributions, middle) < target:
            high = middle
        else:
            low = middle
    return low, high


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


@njit(nogil=True, cache=True, fastmath=_SUMS)
def _choose(
    contributions: F32, maxima: F32, target: float, kept: I64, taps: int, channels: int
) -> tuple[int, np.float32]:
    """Choose the fewest largest positive contributions whose sum reaches ``target`` (> 0).

    One after the other, with the maximum of every block at hand: most units need one to three.
    Where ``_FEW`` do not suffice, the rest is left to a bracket of cuts.

    Args:
        contributions: signed, tap first, zeros up to a multiple of ``BLOCK``; chosen ones are
            taken out of it.
        maxima: scratch, one per block. ``kept``: scratch of the length of ``contributions``.

    Returns:
        how many were chosen one by one, ``kept[:count]``, and a cut: of what is left in the
        buffer, all that are at least the cut are chosen, too. All positive ones if they fall short.
    """
    for block in range(len(maxima)):
        maxima[block] = _block_maximum(contributions, block * BLOCK)
    count, reached = 0, 0.0
    while reached < target:
        largest = np.float32(0)
        for block in range(len(maxima)):
            largest = max(largest, maxima[block])
        if largest <= 0:
            return count, _NOTHING
        if count == _FEW:
            more, cut = _choose_many(contributions, largest, target - reached, kept[count:], taps, channels)
            return count + more, cut
        best = _place_of(largest, contributions, maxima, taps, channels)
        kept[count] = best
        count, reached = count + 1, reached + float(largest)
        contributions[best] = 0
        maxima[best // BLOCK] = _block_maximum(contributions, best // BLOCK * BLOCK)
    return count, _NOTHING


@njit(nogil=True, cache=True)
def _choose_many(
    contributions: F32, largest: np.float32, target: float, kept: I64, taps: int, channels: int
) -> tuple[int, np.float32]:
    """The same by a bracket of cuts: all above it, and in order those inside it."""
    low, high = _bracket(contributions, largest, target)
    while True:
        reached = _exact_sum_above(contributions, high)
        candidates = _between(contributions, low, high, kept)
        count, added = _take_largest(contributions, kept, candidates, target - reached, taps, channels)
        if reached + added >= target or low <= _TINY:
            return count, high
        high, low = low, max(low * np.float32(0.5), _TINY)  # the rounded sum was too large


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


@njit(nogil=True, cache=True, fastmath=_SUMS)
def _mark(contributions: F32, at: int, count: int, cut: np.float32, inputs: U8, to: int, used: U8, used_to: int) -> int:
    """Mark the inputs and weights of ``contributions[at : at + count]`` that are at least ``cut``; count them."""
    marked, a, b, c = np.int32(0), np.uintp(at), np.uintp(to), np.uintp(used_to)
    for k in range(np.uintp(count)):
        chosen = np.uint8(contributions[a + k] >= cut)
        inputs[b + k] |= chosen
        used[c + k] |= chosen
        marked += np.int32(chosen)
    return int(marked)


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
        chosen, listed = 0, 0
        if target > 0:
            listed, cut = _choose(contributions, maxima, target, kept, tap_count, count)
            for t in range(tap_count if cut < _NOTHING else 0):
                if taps[e, t] >= 0:
                    to = taps[e, t] * channels + first
                    chosen += _mark(contributions, t * count, count, cut, inputs, to, used, o * size + t * count)
        for j in range(listed):
            t = kept[j] // count
            inputs[taps[e, t] * channels + first + kept[j] - t * count] = 1
            used[o * size + kept[j]] = 1
        chosen += listed
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
        if target <= 0:
            continue
        listed, cut = _choose(contributions, maxima, target, kept, size, 1)
        for j in range(listed):
            inputs[row + taps[e, kept[j]]] = 1
        for t in range(size):
            if contributions[t] >= cut:
                inputs[row + taps[e, t]] = 1


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
