"""Buffers of the loops in ``weighted``: what is known of the units of a group while they are decided."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathprint.profiling.compiled.sorting import ROWS
from pathprint.profiling.compiled.vectors import BYTES, LANES
from pathprint.profiling.paths.kernels.cpu.choosing import F32, I32, I64
from pathprint.profiling.paths.kernels.cpu.room import Room

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

GROUP = LANES
"""Units of a group: one for each lane of a vector."""
PICKS = 4 * ROWS
"""Contributions of one unit that there is room to pick out of many."""
NUMBERS = 8
SIGN, BIAS, NET, GROSS, TOTAL, TARGET, SLACK, CHOSEN = range(0, NUMBERS * GROUP, GROUP)
"""Where each number of a group's units begins in ``Scratch.numbers``; that of unit ``g`` is ``g`` places further."""
COUNTS = 3
CHANNEL, POSITION, NUMBER = range(0, COUNTS * GROUP, GROUP)
"""The same for ``Scratch.counts``."""


class Scratch(NamedTuple):
    """Buffers of a thread.

    Attributes:
        contributions: those of each unit of a group, one unit after the other, each times the sign of the unit's
            value; each has room for ``Pointers.stride`` of them.
        rows: one lane for each unit of a group: some of its contributions, which are sorted there.
        numbers: of each unit: the sign of its value, 1 or -1, and its bias times that; sum and absolute sum
            of its contributions; the reference total, what to reach, the bound on the error of a comparison;
            and how many were chosen.
        cuts: of each unit: the least contribution that is chosen; infinity if none is.
        counts: of each unit: channel and position, and its number.
        tops: for each ``BYTES`` contributions of a unit, the largest that each lane has met.
        picked: the contributions that were picked out of each unit, ``PICKS`` each.
        entries: for each of these, which entry of ``contributions`` it is.
        chosen: what is chosen for the units of a group, as ``g * PICKS`` and a place among what was picked out of
            unit ``g``, or among all its contributions if there are no more.
        many: the ranks chosen for one unit, without limit.
        used: marks for all weights; zeros before and after a call.
        listed: set to the chosen synapses; empty if they are not to be listed.
        at: set to the number of synapses listed.
    """

    contributions: F32
    rows: F32
    numbers: F32
    cuts: F32
    counts: I64
    tops: F32
    picked: F32
    entries: I32
    chosen: I64
    many: I64
    used: U8
    listed: I64
    at: I64


def scratch(room: Room, size: int, weights: int, synapses: int) -> Scratch:
    """Return buffers for a layer of ``weights``, whose units have ``size`` contributions each.

    Args:
        synapses: how many chosen ones are to be listed.
    """
    chunks = -(-size // BYTES)
    return Scratch(
        contributions=room.take("contributions", GROUP * chunks * BYTES, np.float32),
        rows=room.take("rows", 2 * ROWS * LANES, np.float32),
        numbers=room.take("numbers", NUMBERS * GROUP, np.float32),
        cuts=room.take("cuts", GROUP, np.float32),
        counts=room.take("counts", COUNTS * GROUP, np.int64),
        tops=room.take("tops", GROUP * chunks * LANES + BYTES, np.float32),
        picked=room.take("picked", GROUP * PICKS, np.float32),
        entries=room.take("entries", GROUP * PICKS, np.int32),
        chosen=room.take("chosen", (GROUP + 1) * PICKS, np.int64),
        many=room.take("many", size, np.int64),
        used=room.take("used", weights, np.uint8),
        listed=np.empty(synapses, np.int64),
        at=np.zeros(1, np.int64),
    )


class Group(NamedTuple):
    """``Scratch`` and the arrays of one image, as pointers for inner loops (see ``vectors.pointer``).

    Attributes:
        x, marked: the image's inputs, and marks for those chosen.
        listing: whether chosen synapses are listed.
    """

    contributions: F32
    rows: F32
    numbers: F32
    cuts: F32
    counts: I64
    tops: F32
    picked: F32
    entries: I32
    chosen: I64
    many: I64
    used: U8
    listed: I64
    at: I64
    x: F32
    marked: U8
    listing: bool
