"""What a class signature says in a few numbers, one class at a time, whatever form it is stored in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.signatures.compact import CompactSignatures, Served
from pathprint.profiling.signatures.exact import Exact, class_counts
from pathprint.profiling.signatures.planes import levels_of
from pathprint.profiling.signatures.sparse import unit_sizes

Signatures = Exact | Served
_UNITS = 1 << 18
"""Units that classes are compared on, at most; more are drawn at random."""


@dataclass(frozen=True, eq=False)
class Row:
    """One class.

    Attributes:
        density: share of the units of each layer and kind in an image's path, mean over the images, ``(columns,)``.
        shares: share of the images whose paths contain each of the compared units, float32 ``(compared,)``.
        occurrences: number of units that are in 0, 1, … images' paths, ``(images + 1,)``; None if counts are rounded.
    """

    density: Floats
    shares: npt.NDArray[np.float32]
    occurrences: Indices | None


@dataclass(frozen=True, eq=False)
class Rows:
    """Reads the classes of signatures one by one."""

    signatures: Signatures

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of layers and kinds, ``LAYER/KIND``."""
        return tuple(unit_sizes(self.signatures.layout))

    @cached_property
    def sizes(self) -> Indices:
        """Number of units of each layer and kind, ``(columns,)``."""
        return np.array(list(unit_sizes(self.signatures.layout).values()), np.int64)

    @property
    def is_sampled(self) -> bool:
        """Whether classes are compared on some units only."""
        return int(self.sizes.sum()) > _UNITS

    @cached_property
    def compared(self) -> Indices:
        """The units that classes are compared on, ascending, among those of all layers and kinds."""
        units = int(self.sizes.sum())
        drawn = np.random.default_rng(0).integers(0, units, _UNITS) if self.is_sampled else np.arange(units)
        return np.unique(drawn)

    def read(self, row: int) -> Row:
        """Return the class in a row.

        Raises:
            SignatureError: its counts are damaged.
        """
        if isinstance(self.signatures, CompactSignatures):
            return self._rounded(self.signatures, row)
        images = int(self.signatures.images[row])
        counts = class_counts(self.signatures, row).flat()
        sums = np.add.reduceat(counts, np.cumsum(self.sizes) - self.sizes, dtype=np.int64)
        shares = (counts[self.compared] / np.float32(max(images, 1))).astype(np.float32)
        return Row(self._density(sums, images), shares, np.bincount(counts, minlength=images + 1))

    def _rounded(self, signatures: CompactSignatures, row: int) -> Row:
        images, arrays = int(signatures.images[row]), signatures.file.arrays
        # What is stored is the sum of (count + 1/2) / (images + 1) over the units, see ``frequency``.
        sums = arrays["usual"][row] * (images + 1) - 0.5 * self.sizes
        first, heads, bodies = int(signatures.firsts[row]), signatures.columns.heads, signatures.bodies[row]
        levels = np.concatenate(
            [
                levels_of(
                    int(size),
                    signatures.words[first + heads[i] : first + heads[i + 1]],
                    signatures.words[bodies[i] : bodies[i + 1]],
                )
                for i, size in enumerate(self.sizes)
            ]
        )
        signatures.file.forget(row)
        frequency = np.append(0, arrays["frequency"][row][1:]).astype(np.float32)  # level 0 is nearly never used
        return Row(self._density(sums, images), frequency[levels[self.compared]], None)

    def _density(self, sums: Floats | Indices, images: int) -> Floats:
        found: Floats = sums / np.maximum(self.sizes * images, 1)
        return found


def evenly(classes: int, most: int) -> list[int]:
    """Return the rows of ``most`` of the classes, taken evenly; all rows if there are no more."""
    chosen: list[int] = np.unique(np.linspace(0, classes - 1, min(most, classes)).round().astype(int)).tolist()
    return chosen


def similarities(read: Sequence[Row]) -> Floats:
    """Return how alike every two classes are, ``(k, k)``.

    The sum over units of the smaller share of images, divided by that of the larger (weighted Jaccard): 1 for equal
    signatures, 0 if no unit is in both.
    """
    shares = np.stack([row.shares for row in read])
    sizes, found = shares.sum(1, dtype=np.float64), np.eye(len(read))
    for i in range(len(read) - 1):
        both = np.minimum(shares[i], shares[i + 1 :]).sum(1, dtype=np.float64)
        either = sizes[i] + sizes[i + 1 :] - both
        found[i, i + 1 :] = found[i + 1 :, i] = np.where(either > 0, both / np.maximum(either, 1e-12), 1)
    return found
