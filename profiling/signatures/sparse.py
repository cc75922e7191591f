"""The counts of one class without their zeros: exact, and small enough for a thousand classes.

A bit for each unit says whether the unit was counted at all, and the counts of the counted units follow one another.
Units are numbered through all layers and kinds of a layout, in its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Arrays, Bits
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import Layout
from pathprint.profiling.signatures.counts import KINDS, UnitCounts, key

Packed = npt.NDArray[np.uint8]
"""One bit per unit, eight in a byte, the first unit lowest; the bits after the last unit are 0."""


@dataclass(frozen=True, eq=False)
class SparseCounts:
    """In how many images' paths each unit is, for one class. Equal counts have equal arrays.

    Attributes:
        sizes: number of units by ``LAYER/KIND``, in the order of the layout.
        mask: whether each unit was counted.
        values: counts of the units that were counted, none of which is 0, in the smallest unsigned dtype.
    """

    sizes: Mapping[str, int]
    mask: Packed
    values: UnitCounts

    @staticmethod
    def of(counts: Mapping[str, UnitCounts]) -> SparseCounts:
        """Return the counts of one class, ``(size,)`` by ``LAYER/KIND`` in the order of the layout."""
        sizes = {name: len(own) for name, own in counts.items()}
        return SparseCounts.of_flat(sizes, np.concatenate(list(counts.values())))

    @staticmethod
    def of_flat(sizes: Mapping[str, int], flat: UnitCounts) -> SparseCounts:
        """Return the counts of one class, given those of all layers and kinds one after another, ``(units,)``."""
        counted = flat != 0
        return SparseCounts(sizes, np.packbits(counted, bitorder="little"), _smallest(flat[counted]))

    @property
    def units(self) -> int:
        """Number of units in all layers and kinds."""
        return sum(self.sizes.values())

    @property
    def counted(self) -> Bits:
        """Whether each unit was counted, ``(units,)``."""
        return np.unpackbits(self.mask, count=self.units, bitorder="little").view(np.bool_)

    def flat(self) -> npt.NDArray[np.uint32]:
        """Return the counts of all layers and kinds one after another, ``(units,)``."""
        found = np.zeros(self.units, np.uint32)
        self.add_to(found)
        return found

    def counts(self) -> dict[str, UnitCounts]:
        """Return the counts, uint32 ``(size,)`` by ``LAYER/KIND``."""
        return split(self.sizes, self.flat())

    def add_to(self, flat: npt.NDArray[np.uint32]) -> None:
        """Add these counts to a class's counts of all layers and kinds one after another, ``(units,)``."""
        flat[self.counted] += self.values

    def add(self, other: SparseCounts) -> SparseCounts:
        """Return the counts over the images of both.

        Raises:
            SignatureError: they are counts of other layers.
        """
        if list(self.sizes.items()) != list(other.sizes.items()):
            raise SignatureError("counts of units of different layers do not add up; profile one network only.")
        total = self.flat()
        other.add_to(total)
        return SparseCounts.of_flat(self.sizes, total)

    def arrays(self) -> dict[str, npt.NDArray[np.unsignedinteger]]:
        """Return the counts as arrays to store; ``from_arrays`` reads them."""
        return {"mask": self.mask, "values": self.values}

    @staticmethod
    def from_arrays(layout: Layout, arrays: Arrays, images: int | None = None) -> SparseCounts:
        """Return what ``arrays`` stored.

        Args:
            images: number of images that were counted, if it is known: no count can be larger.

        Raises:
            SignatureError: an array is missing, or they are not the counts of one class of this ``layout``.
        """
        sizes = unit_sizes(layout)
        missing = {"mask", "values"} - arrays.keys()
        if missing:
            raise SignatureError(f"the counts of a class lack {', '.join(sorted(missing))}; profile the network again.")
        mask, values = arrays["mask"], arrays["values"]
        reason = _flaw(sum(sizes.values()), mask, values, images)
        if reason:
            raise SignatureError(f"the counts of a class are damaged: {reason}; profile the network again.")
        return SparseCounts(sizes, mask, values)


def unit_sizes(layout: Layout) -> dict[str, int]:
    """Return the number of units by ``LAYER/KIND``, in the order in which they are numbered."""
    return {key(shape, kind): shape.size(kind) for shape in layout.layers for kind in KINDS}


def split(sizes: Mapping[str, int], flat: UnitCounts) -> dict[str, UnitCounts]:
    """Return views ``(size,)`` by ``LAYER/KIND`` of the counts of all layers and kinds one after another."""
    ends = np.cumsum(list(sizes.values()))
    return dict(zip(sizes, np.split(flat, ends[:-1]), strict=True))


def _smallest(values: UnitCounts) -> UnitCounts:
    """Return values in the smallest unsigned dtype that holds them."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _flaw(units: int, mask: Packed, values: UnitCounts, images: int | None) -> str:
    """Return what is wrong with arrays that were read; empty if nothing is."""
    if mask.dtype != np.uint8 or mask.shape != (-(-units // 8),):
        return f"its mask has shape {mask.shape} of {mask.dtype}, where {units} units need {-(-units // 8)} bytes"
    if values.ndim != 1 or values.dtype.kind != "u":
        return f"its values have shape {values.shape} of {values.dtype}, where a list of unsigned numbers is needed"
    if units % 8 and mask[-1] >> (units % 8):
        return "its mask marks units after the last one"
    marked = int(np.bitwise_count(mask).sum())
    if marked != len(values):
        return f"its mask marks {marked} units, but {len(values)} have a value"
    if not values.all() or _smallest(values).dtype != values.dtype:
        return "a value is 0, or they are stored in a larger type than they need"
    if images is not None and values.max(initial=0) > images:
        return f"a unit is in the paths of {values.max()} images of {images}"
    return ""
