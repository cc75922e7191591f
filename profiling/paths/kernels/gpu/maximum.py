"""Choose the inputs of max-pools. Triton."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def choose_largest(x, taps, wanted, inputs, units, places, size, row_size, window, tile: tl.constexpr):
    """Mark the first largest input of each wanted output; a program takes ``tile`` outputs of one image.

    Args:
        x: float32 ``(n, size)``. ``taps``: int32 ``(places, window)``, positions in a row of x; -1 for padding.
        wanted: bool ``(n, units)``. ``inputs``: uint8 ``(n, size)``.
        places, row_size: number of outputs, and of inputs, in a row.
    """
    image = tl.program_id(1).to(tl.int64)
    unit = tl.program_id(0) * tile + tl.arange(0, tile)
    here = tl.load(wanted + image * units + unit, mask=unit < units, other=0) != 0
    row, place = unit // places, unit % places
    largest = tl.full([tile], float("-inf"), tl.float32)
    chosen = tl.full([tile], -1, tl.int32)
    for t in range(0, window):
        tap = tl.load(taps + place * window + t, mask=here, other=-1)
        value = tl.load(x + image * size + row * row_size + tap, mask=tap >= 0, other=float("-inf"))
        larger = (value > largest) | ((tap >= 0) & (chosen < 0))
        largest = tl.where(larger, value, largest)
        chosen = tl.where(larger, tap, chosen)
    one = tl.full([tile], 1, tl.uint8)
    tl.store(inputs + image * size + row * row_size + chosen, one, mask=chosen >= 0)
