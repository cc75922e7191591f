"""Buffers of the loops in ``weighted``: what is known of the units of a group while they are decided."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathprint.profiling.paths.kernels.cpu.choosing import F32, FEW, I64

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

GROUP = 16
"""Units of a group."""
NUMBERS, COUNTS, RANKS = 7, 6, FEW
"""How many float64, int64 and chosen ranks are kept of each unit of a group: see ``Scratch``."""
NET, GROSS, TARGET, SLACK, REACHED, TOP, FIRST = range(NUMBERS)
CHANNEL, POSITION, MINUS, CHOSEN, EXPLAINED, NUMBER = range(COUNTS)


class Scratch(NamedTuple):
    """Buffers of a thread. The first four have entries for each unit of a group.

    Attributes:
        contributions: a unit's contributions, ``len(layer.rank)`` entries.
        numbers: a unit's sum and absolute sum; what to reach, the bound on the error of a
            comparison, and what is reached; the largest contribution left, and its rank.
        counts: a unit's channel and position, whether its value is negative, how many contributions
            were chosen, whether it is explained, and its number.
        ranks: the ranks of the contributions chosen for a unit, up to ``FEW``.
        many: the ranks chosen for one unit, without limit; behind them the undecided units.
        used: marks for all weights; zeros before and after a call.
        listed: set to the chosen synapses; empty if they are not to be listed.
        at: set to the number of synapses listed.
    """

    contributions: F32
    numbers: F64
    counts: I64
    ranks: I64
    many: I64
    used: U8
    listed: I64
    at: I64


class Group(NamedTuple):
    """``Scratch`` and the arrays of one image, as pointers for inner loops (see ``vectors.pointer``).

    Attributes:
        x, marked: the image's inputs, and marks for those chosen.
        listing: whether chosen synapses are listed.
        short: whether the layer has short rows (see ``Layer``).
        per_output: number of weights of one output channel.
    """

    contributions: F32
    numbers: F64
    counts: I64
    ranks: I64
    many: I64
    used: U8
    listed: I64
    at: I64
    x: F32
    marked: U8
    listing: bool
    short: bool
    per_output: int
