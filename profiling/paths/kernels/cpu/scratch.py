"""Buffers of the loops in ``weighted``: what is known of the units of a group while they are decided."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathprint.profiling.compiled.vectors import BYTES, FEW_MARKS, LANES
from pathprint.profiling.paths.kernels.cpu.choosing import F32, FEW, I32, I64
from pathprint.profiling.paths.kernels.cpu.room import Room

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

HITS = 128
"""Contributions of one unit that are picked out of many, at most."""
GROUP = LANES
"""Units of a group: one for each lane of a vector."""
NUMBERS = 11
SIGN, BIAS, NET, GROSS, TOTAL, TARGET, SLACK, LEVEL, CHOSEN, REACHED, GOAL = range(0, NUMBERS * GROUP, GROUP)
"""Where each number of a group's units begins in ``Scratch.numbers``; that of unit ``g`` is ``g`` places further."""
COUNTS = 4
CHANNEL, POSITION, NUMBER, PICKED = range(0, COUNTS * GROUP, GROUP)
"""The same for ``Scratch.counts``."""


class Scratch(NamedTuple):
    """Buffers of a thread.

    Attributes:
        contributions: those of each unit of a group, one unit after the other, ``len(layer.rank)`` each, and
            room to read ``BYTES`` more.
        abreast: the same contribution of all units side by side, ``LANES`` each; or the largest that each lane has
            met, by unit, and behind them by lane.
        numbers: of each unit: the sign of its value, 1 or -1, and its bias times that; sum and absolute sum
            of its contributions; the reference total, what to reach, the bound on the error of a comparison;
            a level that every chosen contribution has at least; how many were chosen, and their sum; and
            what to reach once other units have been decided.
        counts: of each unit: channel and position, its number, and how many contributions were picked out.
        taken: for each turn which row of ``abreast`` each unit took.
        turns: for each turn, a bit for each unit that took one.
        rows: for each row of ``abreast`` with contributions that were picked out, which entry of the buffer each
            unit's is.
        many: the ranks chosen for one unit, without limit.
        used: marks for all weights; zeros before and after a call.
        listed: set to the chosen synapses; empty if they are not to be listed.
        at: set to the number of synapses listed.
    """

    contributions: F32
    abreast: F32
    numbers: F32
    counts: I64
    taken: F32
    turns: NDArray[np.uint64]
    rows: I32
    many: I64
    used: U8
    listed: I64
    at: I64


def scratch(room: Room, size: int, weights: int, synapses: int) -> Scratch:
    """Return buffers for a layer of ``weights``, whose units have ``size`` contributions each.

    Args:
        synapses: how many chosen ones are to be listed.
    """
    rows = max(size, HITS + FEW_MARKS)
    return Scratch(
        contributions=room.take("contributions", GROUP * size + BYTES, np.float32),
        abreast=room.take("abreast", GROUP * rows, np.float32),
        numbers=room.take("numbers", NUMBERS * GROUP, np.float32),
        counts=room.take("counts", COUNTS * GROUP, np.int64),
        taken=room.take("taken", (FEW + rows) * GROUP, np.float32),
        turns=room.take("turns", FEW + rows, np.uint64),
        rows=room.take("rows", (HITS + FEW_MARKS) * GROUP, np.int32),
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
    abreast: F32
    numbers: F32
    counts: I64
    taken: F32
    turns: NDArray[np.uint64]
    rows: I32
    many: I64
    used: U8
    listed: I64
    at: I64
    x: F32
    marked: U8
    listing: bool
