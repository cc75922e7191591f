"""Try out whether numba can compile vector instructions on this machine, before anything relies on it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from pathprint.profiling.compiled.caching import compiled
from pathprint.profiling.compiled.vectors import LANES, load, multiply, pointer, total


@compiled
def _sum_of_squares(values: NDArray[np.float32]) -> float:
    some = load(pointer(values), 0)
    found: float = total(multiply(some, some))
    return found


@cache
def try_out() -> None:
    """Compile and run a small function, to find out whether compiled code works on this machine.

    Raises:
        RuntimeError: its result is wrong. Numba raises errors of its own if it cannot compile.
    """
    found = _sum_of_squares(np.arange(LANES, dtype=np.float32))
    expected = sum(number**2 for number in range(LANES))
    if found != expected:
        raise RuntimeError(f"compiled code computes a sum of squares as {found} instead of {expected}")
