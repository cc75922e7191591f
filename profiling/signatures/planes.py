"""The levels of a class's units as bits: what lies in a row of compact signatures.

Units stand in groups of 64, layer by layer and kind by kind. Two words say the levels of a group: bit ``u`` of the
first is the low bit of the level of unit ``u``, bit ``u`` of the second the high bit. Groups of units that are all at
level 0 are left out. A bit for each group, in words that come first, says whether its words are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Indices

GROUP = 64
PLANES = 2
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Columns:
    """Where the words of each layer and kind are in a row.

    Attributes:
        sizes: number of units of each, by ``LAYER/KIND``.
    """

    sizes: Mapping[str, int]

    @cached_property
    def heads(self) -> Indices:
        """Where the words begin that say which groups each layer and kind has, and end, ``(columns + 1,)``."""
        groups = [-(-size // GROUP) for size in self.sizes.values()]
        return np.append(0, np.cumsum([-(-count // GROUP) for count in groups]))


def row_of(columns: Columns, levels: Mapping[str, npt.NDArray[Any]]) -> tuple[Words, Indices]:
    """Return a row, and how many groups of each layer and kind are in it, ``(columns,)``.

    Args:
        levels: of each unit, 0 .. 3, ``(size,)`` by ``LAYER/KIND``.
    """
    heads, bodies = zip(*(_packed(levels[name]) for name in columns.sizes), strict=True)
    return np.concatenate([*heads, *bodies]), np.array([len(body) // PLANES for body in bodies])


def levels_of(size: int, head: Words, body: Words) -> npt.NDArray[np.uint8]:
    """Return the level of each unit of a layer and kind, ``(size,)``: what ``row_of`` was given.

    Args:
        head, body: the words of this layer and kind: which groups there are, and their levels.
    """
    present = _bits(head, -(-size // GROUP)).view(np.bool_)
    words = np.zeros((len(present), PLANES), np.uint64)
    words[present] = body.reshape(-1, PLANES)
    low, high = (_bits(np.ascontiguousarray(words[:, plane]), size) for plane in range(PLANES))
    return low + 2 * high


def _packed(levels: npt.NDArray[Any]) -> tuple[Words, Words]:
    """Return the words of one layer and kind: which groups are there, and their levels."""
    planes = np.stack([_words((levels & bit) != 0) for bit in (1, 2)], axis=1)
    present = np.bitwise_or.reduce(planes, axis=1) != 0
    return _words(present), planes[present].ravel()


def _words(bits: npt.NDArray[np.bool_]) -> Words:
    """Return bits as words, the first bit lowest; the last word is filled up with zeros."""
    return np.packbits(np.pad(bits, (0, -len(bits) % GROUP)), bitorder="little").view("<u8").astype(np.uint64)


def _bits(words: Words, count: int) -> npt.NDArray[np.uint8]:
    """Return the first ``count`` bits of ``words``."""
    return np.unpackbits(words.astype("<u8").view(np.uint8), count=count, bitorder="little")
