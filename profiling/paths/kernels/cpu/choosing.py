"""Choose the fewest largest contributions of one wanted unit that suffice. Compiled, no GIL.

The contributions lie in a small buffer in the first-level cache, and the largest are looked up
there, sixteen at once, until they suffice. Nothing is sorted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathprint.profiling.compiled.caching import compiled, inlined
from pathprint.profiling.compiled.vectors import LANES, largest, load, maximum, splat

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Top = tuple[np.float32, np.float32]
"""The largest contribution and its rank; at most ``NOTHING`` if none is positive."""

ANY = 5e-324
"""The target where only the largest contribution is wanted: any positive one reaches it."""
FEW = 32
"""How many contributions to a unit are looked up one by one; if it needs more, the rest goes into a heap."""
NOTHING = np.float32(1.5e-45)
"""The smallest positive float32, which counts as zero: so the many zeros are not taken for ties."""


class Options(NamedTuple):
    """How inputs are chosen.

    Attributes:
        reference: number of the reference total; see ``total_of``.
        keep_largest: whether the largest contribution is chosen for an unexplained unit.
        phi: threshold of absolute selection, or 0.
    """

    theta: float
    reference: int
    keep_largest: bool
    phi: float


@inlined
def total_of(net: float, gross: float, bias: float, reference: int) -> float:
    """Return the reference total from the sum and the absolute sum of all contributions.

    Args:
        reference: 0 for ``sum``, 1 for ``output``, 2 for ``positive`` (see ``Policy``).
    """
    if reference == 0:
        return net
    return net + bias if reference == 1 else (net + gross) / 2


@inlined
def decide(contributions: F32, size: int, rank: F32, place: I32, total: float, options: Options, kept: I64) -> int:
    """Choose for a unit whose reference total is ``total``; return how many were chosen (see ``_choose``)."""
    if total > 0:
        return int(_choose(contributions, size, rank, place, options.theta * total, kept))
    return int(_choose(contributions, size, rank, place, ANY, kept)) if options.keep_largest else 0


@compiled
def _choose(contributions: F32, size: int, rank: F32, place: I32, target: float, kept: I64) -> int:
    """Choose the fewest largest positive contributions whose sum reaches ``target``.

    Args:
        contributions: signed, ``size`` of them, a multiple of ``LANES``; chosen ones are taken out.
        rank: for each contribution, its place in the receptive field, by which equal ones are ordered.
        place: for each rank, the index of its contribution.
        kept: set to the ranks that are chosen; as long as ``contributions``.

    Returns:
        how many were chosen; all positive ones if they fall short.
    """
    count, reached = 0, 0.0
    while reached < target:
        if count == FEW:
            return int(_choose_by_heap(contributions, size, rank, target - reached, kept, count))
        value, first = largest_of(contributions, size, rank)
        if not value > NOTHING:  # so written, it stops at nan too
            break
        kept[count] = np.int64(first)
        count, reached = count + 1, reached + float(value)
        contributions[place[np.int64(first)]] = 0
    return count


@compiled
def _first_of(contributions: F32, size: int, value: np.float32, rank: F32) -> np.float32:
    """Return the lowest rank of the contributions that equal ``value``."""
    first = np.float32(np.inf)
    for k in range(size):
        if contributions[k] == value:
            first = min(first, rank[k])
    return first


@inlined
def largest_of(contributions: F32, size: int, rank: F32) -> Top:
    """Return the largest contribution and its rank, the lowest of equal ones."""
    top = splat(np.float32(0))
    for at in range(0, size, LANES):
        top = maximum(load(contributions, at), top)
    value = np.float32(largest(top))
    return value, _first_of(contributions, size, value, rank)


@compiled
def _choose_by_heap(contributions: F32, size: int, rank: F32, missing: float, kept: I64, count: int) -> int:
    """Go on choosing for a unit that needs many contributions: until ``missing`` is reached, after ``count``."""
    heap, left = np.empty(size, np.int64), 0
    for k in range(size):
        if contributions[k] > 0:
            heap[left], left = k, left + 1
    for root in range(left // 2 - 1, -1, -1):
        _sift_down(contributions, rank, heap, root, left)
    reached = 0.0
    while reached < missing and left > 0:
        kept[count] = np.int64(rank[heap[0]])
        reached += contributions[heap[0]]
        count, left = count + 1, left - 1
        heap[0] = heap[left]
        _sift_down(contributions, rank, heap, 0, left)
    return count


@compiled
def _sift_down(contributions: F32, rank: F32, heap: I64, root: int, end: int) -> None:
    while True:
        child = 2 * root + 1
        if child >= end:
            return
        if child + 1 < end and _before(contributions, rank, heap[child + 1], heap[child]):
            child += 1
        if not _before(contributions, rank, heap[child], heap[root]):
            return
        heap[root], heap[child] = heap[child], heap[root]
        root = child


@inlined
def _before(contributions: F32, rank: F32, a: int, b: int) -> bool:
    """Say whether ``a`` is chosen before ``b``: larger first, then the lower (channel, tap)."""
    if contributions[a] != contributions[b]:
        return bool(contributions[a] > contributions[b])
    return bool(rank[a] < rank[b])
