"""Which input elements the windows of a step cover, as tables of coordinates, one per axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

OUTSIDE = -1  # a window position that is padding


def single(size: int) -> IntArray:
    """Return the table of an axis that the step leaves alone: element i reads element i."""
    return np.arange(size)[:, None]


def entire(size: int, outputs: int = 1) -> IntArray:
    """Return the table of an axis of which every output reads everything."""
    return np.tile(np.arange(size), (outputs, 1))


def grouped(channels: int, outputs: int, groups: int) -> IntArray:
    """Return the table of the channel axis of a convolution: an output reads its own group."""
    per_group = channels // groups
    group = np.arange(outputs) // (outputs // groups)
    return group[:, None] * per_group + np.arange(per_group)[None, :]


def sliding(size: int, outputs: int, extent: tuple[int, int, int, int]) -> IntArray:
    """Return the table of an axis under a moving window.

    ``extent`` is kernel, stride, padding before the first element, dilation. The number of outputs
    is given, because ceil mode and "same" padding decide it elsewhere.
    """
    kernel, stride, padding, dilation = extent
    first = np.arange(outputs) * stride - padding
    table = first[:, None] + np.arange(kernel)[None, :] * dilation
    return np.where((table >= 0) & (table < size), table, OUTSIDE)


def adaptive(size: int, outputs: int) -> IntArray:
    """Return the table of an axis under adaptive windows, which may have unequal lengths."""
    ranges = [range(i * size // outputs, -(-(i + 1) * size // outputs)) for i in range(outputs)]
    table = np.full((outputs, max(map(len, ranges))), OUTSIDE)
    for row, covered in zip(table, ranges, strict=True):
        row[: len(covered)] = covered
    return table


@dataclass(frozen=True, slots=True)
class Windows:
    """The receptive field of every output unit of a step, as one table per axis of the input.

    A table has shape (outputs along the axis, positions along the axis).
    """

    shape: Sequence[int]
    tables: Sequence[IntArray]

    def __call__(self, units: IntArray) -> IntArray:
        """Return for (m,) flat output units the (m, k) flat input elements they read.

        Elements count from 1; 0 is padding. The k positions keep the order of the axes, that is
        channel, row, column (method, section 2).
        """
        at = np.unravel_index(units, [len(table) for table in self.tables])
        element = np.zeros((len(units), 1), dtype=np.int64)
        inside = np.ones((len(units), 1), dtype=bool)
        for size, table, place in zip(self.shape, self.tables, at, strict=True):
            step = table[place][:, None, :]
            together = len(units), element.shape[1] * table.shape[1]
            element = (element[:, :, None] * size + step).reshape(together)
            inside = (inside[:, :, None] & (step != OUTSIDE)).reshape(together)
        return np.where(inside, element + 1, 0)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A step whose output units each read a fixed row of elements, written out in full."""

    rows: IntArray  # (units, k), elements counted from 1, 0 for none

    def __call__(self, units: IntArray) -> IntArray:
        """Return the (m, k) elements that the (m,) units read."""
        return self.rows[units]


@dataclass(frozen=True, slots=True)
class Keys:
    """Attention: an output in row r and column d reads column d of every key in row r.

    A row has ``outputs`` output units, and ``keys`` times ``width`` values.
    """

    outputs: int
    keys: int
    width: int

    def __call__(self, units: IntArray) -> IntArray:
        """Return the (m, k) elements that the (m,) units read, in the order of the keys."""
        first = units // self.outputs * self.keys * self.width + units % self.width
        return 1 + first[:, None] + np.arange(self.keys)[None, :] * self.width
