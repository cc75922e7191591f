"""How the work on a layer is cut into programs, by the length of its receptive fields."""

from __future__ import annotations

from typing import NamedTuple

SHORT = 32
"""Places of the longest receptive field that a single thread takes."""
THREADS = 32
"""Wanted units that a program takes side by side, each in a thread of its own."""
BLOCK = 1024
"""Units that a program with short receptive fields looks for wanted ones in."""
PER_THREAD = 40
"""Places that a thread holds of a long receptive field, before more threads share it."""
MOST_THREADS = 512
LONGEST = 1 << 15
"""Places of the longest receptive field; longer ones are left to the reference."""
WORK = 1 << 17
"""Places of all units together that a program with long receptive fields looks for wanted ones in."""
STEPS = 24
"""How many largest contributions to a unit are looked up one by one, before the range of levels is halved."""
WARP = 32


class Tiles(NamedTuple):
    """How programs take the wanted units of a layer.

    Attributes:
        spread: whether one unit is spread over all threads; otherwise each thread takes a unit of its own.
        block: units that a program looks for wanted ones in.
        lanes: threads of a program.
        main, rest: places that a thread holds in two parts, each a power of two; ``rest`` may be 0.
        fit: whether a receptive field can be held at all.
    """

    spread: bool
    block: int
    lanes: int
    main: int
    rest: int
    fit: bool = True

    @property
    def settings(self) -> dict[str, int]:
        """Return what the Triton functions have to know of it."""
        warps = min(MOST_THREADS // WARP, max(1, self.lanes // WARP))
        return {"block": self.block, "lanes": self.lanes, "main": self.main, "rest": self.rest, "num_warps": warps}


def tiles_of(fan_in: int) -> Tiles:
    """Return the tiles for receptive fields of ``fan_in`` places."""
    if fan_in <= SHORT:
        return Tiles(False, BLOCK, THREADS, *_parts(fan_in))
    threads = min(MOST_THREADS, max(WARP, _power_from(-(-fan_in // PER_THREAD))))
    block = max(16, min(BLOCK, _power_from(WORK // fan_in + 1) // 2))
    return Tiles(True, block, threads, *_parts(-(-fan_in // threads)), fit=fan_in <= LONGEST)


def _parts(length: int) -> tuple[int, int]:
    """Return two powers of two, or one and 0, that add up to ``length`` at least, with as little over as possible."""
    main = _power_from(length + 1) // 2
    return (main, 0) if main == length else (main, _power_from(length - main))


def _power_from(value: int) -> int:
    """Return the smallest power of two that is at least ``value``."""
    return 1 << max(0, value - 1).bit_length()
