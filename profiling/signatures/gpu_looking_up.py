"""Look up marked units in class signatures. Triton."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add_up(
    marks_at, counts_at, sizes, column, start, rows, odds, frequency, log_frequency, listed, sums, classes, levels,
    number: tl.constexpr, voters: tl.constexpr, ranks: tl.constexpr, width: tl.constexpr,
    tile: tl.constexpr, units: tl.constexpr, votes: tl.constexpr,
):  # fmt: skip
    """Set ``sums``, float64 ``(parts, n, width)``; a program takes one part of a layer and kind of one image.

    The last column is the number of members. For the arguments see ``gpu_adding.OnDevice`` and ``gpu_adding.add_up``.

    Args:
        listed: int32 ``(parts, n, tile)``, room for the members of each part.
        number: the type of counts.
        units: how many members are looked up at once.
        votes: a power of two, ``voters`` at least.
    """
    part, image, n = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    own = tl.load(column + part)
    size = tl.load(sizes + own)
    unit = tl.load(start + part) + tl.arange(0, tile)
    marks = tl.load(marks_at + own).to(tl.pointer_type(tl.uint8)) + image.to(tl.int64) * size
    flags = (tl.load(marks + unit, mask=unit < size, other=0) != 0).to(tl.int32)
    members = tl.sum(flags, axis=0)
    at = part.to(tl.int64) * n + image
    mine = listed + at * tile
    tl.store(mine + tl.cumsum(flags, axis=0) - flags, unit, mask=flags != 0)
    tl.debug_barrier()  # what one thread stored another one loads

    counts = tl.load(counts_at + own).to(tl.pointer_type(number))
    vote = tl.arange(0, votes)
    row = tl.load(rows + image * voters + vote, mask=vote < voters, other=0)
    votes_for = (vote < voters) & (row < classes)
    is_ranked = vote < ranks
    net = tl.zeros([units, votes], tl.float64)
    contained = tl.zeros([units, votes], tl.int32)
    share = tl.zeros([units, votes], tl.float64)
    log_share = tl.zeros([units, votes], tl.float64)
    for first in range(0, members, units):
        place = first + tl.arange(0, units)
        here = place < members
        which = tl.load(mine + place, mask=here, other=0).to(tl.int64)
        count = tl.load(
            counts + (which[:, None] * classes + row[None, :]), mask=here[:, None] & votes_for[None, :], other=0
        ).to(tl.int32)  # fmt: skip
        entry = row[None, :] * levels + count
        net += tl.load(odds + entry, mask=here[:, None] & (vote < voters)[None, :], other=0.0)
        ranked = here[:, None] & is_ranked[None, :]
        contained += (ranked & (count > 0)).to(tl.int32)
        share += tl.load(frequency + entry, mask=ranked, other=0.0)
        log_share += tl.load(log_frequency + entry, mask=ranked, other=0.0)
    to = sums + at * width
    tl.store(to + vote, tl.sum(net, axis=0), mask=vote < voters)
    to += voters + vote
    tl.store(to, tl.sum(contained, axis=0).to(tl.float64), mask=is_ranked)
    tl.store(to + ranks, tl.sum(share, axis=0), mask=is_ranked)
    tl.store(to + 2 * ranks, tl.sum(log_share, axis=0), mask=is_ranked)
    tl.store(sums + at * width + width - 1, members.to(tl.float64))
