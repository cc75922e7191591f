"""The compiled loops of the CPU kernel. Numba, without the GIL.

All in one file: numba's cache notices a change of the file that holds a function, but not of the
files that hold the functions it calls.

No full sort: a threshold is halved from the largest contribution until those above it suffice;
only these few survivors are put in order, with a heap, as far as needed.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


@njit(nogil=True, cache=True)  # numba ships no types
def _eligible(contributions: F32, size: int, kept: I64) -> tuple[int, float]:
    """List the strictly positive contributions in ``kept``; return their number and their sum."""
    count, total = 0, 0.0
    for k in range(size):
        if contributions[k] > 0:
            kept[count] = k
            count += 1
            total += contributions[k]
    return count, total


@njit(nogil=True, cache=True)
def _survivors(contributions: F32, kept: I64, count: int, target: float) -> int:
    """Move to the front of ``kept`` those large enough to matter; return how many they are.

    Their sum reaches ``target`` whenever the sum of all does.
    """
    cut = np.float32(0)
    for j in range(count):
        cut = max(cut, contributions[kept[j]])
    total = 0.0
    while total < target and cut > 0:
        cut = cut / np.float32(2)
        total = 0.0
        for j in range(count):
            if contributions[kept[j]] >= cut:
                total += contributions[kept[j]]
    left = 0
    for j in range(count):
        if contributions[kept[j]] >= cut:
            kept[left] = kept[j]
            left += 1
    return left


@njit(nogil=True, cache=True)
def _before(contributions: F32, ranks: I64, a: int, b: int) -> bool:
    """Say whether ``a`` is chosen before ``b``: larger first, then the lower rank."""
    if contributions[a] != contributions[b]:
        return bool(contributions[a] > contributions[b])
    return bool(ranks[a] < ranks[b])


@njit(nogil=True, cache=True)
def _sift_down(contributions: F32, ranks: I64, heap: I64, root: int, end: int) -> None:
    while True:
        child = 2 * root + 1
        if child >= end:
            return
        if child + 1 < end and _before(contributions, ranks, heap[child + 1], heap[child]):
            child += 1
        if not _before(contributions, ranks, heap[child], heap[root]):
            return
        heap[root], heap[child] = heap[child], heap[root]
        root = child


@njit(nogil=True, cache=True)
def _choose(contributions: F32, ranks: I64, size: int, target: float, kept: I64) -> int:
    """Choose the fewest largest positive contributions whose sum reaches ``target``; none for 0.

    Args:
        contributions: signed, float32; the first ``size`` count.
        ranks: their tie order.
        kept: scratch of at least ``size``.

    Returns:
        how many were chosen: ``kept[: count]``, in no order. All positive ones if they fall short.
    """
    if target <= 0:
        return 0
    count, total = _eligible(contributions, size, kept)
    if total <= target:
        return count
    end = _survivors(contributions, kept, count, target)
    for root in range(end // 2 - 1, -1, -1):
        _sift_down(contributions, ranks, kept, root, end)
    reached, top = 0.0, end
    while reached < target and top > 0:
        top -= 1
        kept[0], kept[top] = kept[top], kept[0]
        reached += contributions[kept[top]]
        _sift_down(contributions, ranks, kept, 0, top)
    chosen = end - top
    for j in range(chosen):
        kept[j] = kept[top + j]
    return chosen


@njit(nogil=True, cache=True)
def _total(net: float, positive: float, bias: float, reference: int) -> float:
    if reference == 0:
        return net
    return net + bias if reference == 1 else positive


@njit(nogil=True, cache=True, fastmath={"reassoc", "nsz"})
def _products(row: F32, weight: F32, sign: float, out: F32, at: int) -> tuple[float, float]:
    """Write ``sign * row * weight`` from ``out[at]`` on; return their sum and absolute sum."""
    net, gross = 0.0, 0.0
    for c in range(len(row)):
        product = np.float32(sign) * row[c] * weight[c]
        out[at + c] = product
        net += product
        gross += abs(product)
    return net, gross


@njit(nogil=True, cache=True)
def _target(total: float, options: tuple[float, int, bool]) -> float:
    """Return what the chosen contributions must reach; 0 if nothing is to be chosen.

    Any contribution reaches the smallest number there is, so the largest alone is chosen for it.
    """
    theta, _, keep_largest = options
    if total > 0:
        return theta * total
    return 5e-324 if keep_largest else 0.0


@njit(nogil=True, cache=True)
def weighted_image(
    rows: F32,
    weight: F32,
    bias: F32,
    taps: I32,
    ranks: I64,
    groups: int,
    strides: tuple[int, int, int, int],
    y: F32,
    units: I64,
    options: tuple[float, int, bool],
    inputs: U8,
    used: U8,
) -> tuple[int, int, float]:
    """Choose for every wanted unit of one image; mark inputs and weights; return the counts."""
    reference = options[1]
    in_channel, in_position, out_channel, _ = strides
    outputs, tap_count, per_group = weight.shape
    size = tap_count * per_group
    contributions = np.empty(size, np.float32)
    kept = np.empty(size, np.int64)
    synapses, unexplained, coherence = 0, 0, 0.0
    for unit in units:
        if out_channel == 1:
            o, e = unit % outputs, unit // outputs
        else:
            o, e = unit // out_channel, unit % out_channel
        first = o // (outputs // groups) * per_group
        sign = -1.0 if y[unit] < 0 else 1.0
        net, gross = 0.0, 0.0
        for t in range(tap_count):
            at, position = t * per_group, taps[e, t]
            if position < 0:
                contributions[at : at + per_group] = 0
                continue
            part = _products(rows[position, first : first + per_group], weight[o, t], sign, contributions, at)
            net += part[0]
            gross += part[1]
        total = _total(net, (net + gross) / 2, sign * bias[o], reference)
        chosen = _choose(contributions, ranks, size, _target(total, options), kept)
        if total <= 0 or chosen == 0:
            unexplained += 1
        if gross > 0:
            coherence += net / gross
        synapses += chosen
        for j in range(chosen):
            t, c = kept[j] // per_group, kept[j] % per_group
            inputs[(first + c) * in_channel + taps[e, t] * in_position] = 1
            used[o * size + ranks[kept[j]]] = 1
    return synapses, unexplained, coherence / max(len(units), 1)


@njit(nogil=True, cache=True)
def mean_image(
    x: F32, taps: I32, positions: int, y: F32, units: I64, options: tuple[float, int, bool], inputs: U8
) -> None:
    """Choose for every wanted output of an average-pool of one image; mark inputs."""
    reference = options[1]
    size = taps.shape[1]
    contributions = np.empty(size, np.float32)
    kept = np.empty(size, np.int64)
    ranks = np.arange(size)
    for unit in units:
        row, e = unit // len(taps) * positions, unit % len(taps)
        sign = np.float32(-1.0 if y[unit] < 0 else 1.0)
        net, gross = 0.0, 0.0
        for t in range(size):
            contributions[t] = sign * x[row + taps[e, t]] if taps[e, t] >= 0 else np.float32(0)
            net += contributions[t]
            gross += abs(contributions[t])
        total = _total(net, (net + gross) / 2, 0.0, reference)
        chosen = _choose(contributions, ranks, size, _target(total, options), kept)
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
