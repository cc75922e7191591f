"""Sum what was found for wanted units over the units of each image. Triton."""

from __future__ import annotations

import triton
import triton.language as tl

COLUMNS = 5
"""Sums of an image: chosen synapses, explained units, coherence, units, units that need more contributions."""


@triton.jit
def sum_images(ends, chosen, explained, coherence, short, sums, tile: tl.constexpr):
    """Set ``sums``, float64 ``(n, 5)``; a program takes one image.

    The order of summation depends on nothing but the image's own units, so equal images have equal sums.

    Args:
        ends: int64 ``(n,)``: where the units of each image end; those of the next one begin there.
        chosen, explained, coherence, short: of each unit, in the order of images; see ``choosing.choose``.
    """
    image = tl.program_id(0)
    first = tl.load(ends + image - 1, mask=image > 0, other=0)
    last = tl.load(ends + image)
    synapses = tl.zeros([tile], tl.float64)
    with_reason = tl.zeros([tile], tl.float64)
    net = tl.zeros([tile], tl.float64)
    unfinished = tl.zeros([tile], tl.float64)
    for start in range(first, last, tile):
        unit = start + tl.arange(0, tile)
        mine = unit < last
        synapses += tl.load(chosen + unit, mask=mine, other=0).to(tl.float64)
        with_reason += tl.load(explained + unit, mask=mine, other=0).to(tl.float64)
        net += tl.load(coherence + unit, mask=mine, other=0.0)
        unfinished += tl.load(short + unit, mask=mine, other=0).to(tl.float64)
    tl.store(sums + image * 5, tl.sum(synapses))
    tl.store(sums + image * 5 + 1, tl.sum(with_reason))
    tl.store(sums + image * 5 + 2, tl.sum(net))
    tl.store(sums + image * 5 + 3, (last - first).to(tl.float64))
    tl.store(sums + image * 5 + 4, tl.sum(unfinished))
