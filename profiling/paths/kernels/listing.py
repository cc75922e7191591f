"""List the members of a mask. Numba, without the GIL; apart from the other loops, as nothing calls it there."""

from __future__ import annotations

import numpy as np
from numba import njit

from profiling.paths.kernels.compiled import I64, U8


@njit(nogil=True, cache=True, fastmath=True)
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
