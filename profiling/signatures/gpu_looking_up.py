"""Look up marked units in class signatures. Triton."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add_up(
    marks_at, counts_at, sizes, column, start, rows, odds, frequency, log_frequency, sums, classes, levels,
    voters: tl.constexpr, ranks: tl.constexpr, width: tl.constexpr, tile: tl.constexpr,
):  # fmt: skip
    """Set ``sums``, float64 ``(parts, n, width)``; a program takes one part of a layer and kind of one image.

    The last column is the number of members. For the arguments see ``gpu_adding.OnDevice`` and ``gpu_adding.add_up``.
    """
    part, image, n = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    own = tl.load(column + part)
    size = tl.load(sizes + own)
    unit = tl.load(start + part).to(tl.int64) + tl.arange(0, tile)
    marks = tl.load(marks_at + own).to(tl.pointer_type(tl.uint8)) + image.to(tl.int64) * size
    member = tl.load(marks + unit, mask=unit < size, other=0) != 0
    counts = tl.load(counts_at + own).to(tl.pointer_type(tl.int32)) + unit * classes
    to = sums + (part.to(tl.int64) * n + image) * width
    for v in tl.static_range(voters):
        row = tl.load(rows + image * voters + v)
        count = tl.load(counts + row, mask=member & (unit * 0 + row < classes), other=0)
        at = row * levels + count
        tl.store(to + v, tl.sum(tl.load(odds + at, mask=member, other=0.0)))
        if v < ranks:
            tl.store(to + voters + v, tl.sum(tl.where(member & (count > 0), 1.0, 0.0).to(tl.float64)))
            tl.store(to + voters + ranks + v, tl.sum(tl.load(frequency + at, mask=member, other=0.0)))
            tl.store(to + voters + 2 * ranks + v, tl.sum(tl.load(log_frequency + at, mask=member, other=0.0)))
    tl.store(to + width - 1, tl.sum(tl.where(member, 1.0, 0.0).to(tl.float64)))
