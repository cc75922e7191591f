"""What a rule says about a step: which inputs can have carried each of its outputs.

Geometry is data, computed once when a network is planned. Units are numbered by their position in
the flattened tensor of one image (C order).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from pathprint.profiling.paths.path import LayerShape


@dataclass(frozen=True, slots=True)
class Axis:
    """The window of every output position along one axis.

    Output ``o`` sees the inputs ``starts[o] + dilation * t`` for ``t < lengths[o]``; positions
    outside ``0 .. size - 1`` are padding.
    """

    size: int
    starts: tuple[int, ...]
    lengths: tuple[int, ...]
    dilation: int = 1

    def taps(self) -> Tensor:
        """Return the input position of each tap, ``(outputs, longest window)``; -1 where there is none."""
        steps = torch.arange(max(self.lengths))
        taps = torch.tensor(self.starts)[:, None] + self.dilation * steps
        inside = (taps >= 0) & (taps < self.size) & (steps < torch.tensor(self.lengths)[:, None])
        return torch.where(inside, taps, -1)


def window_taps(axes: tuple[Axis, ...]) -> Tensor:
    """Return the flat input position of each tap of each output position, int32 ``(e, t)``.

    Both are in C order over the axes; -1 stands for padding.
    """

    def combine(left: Tensor, axis: Axis) -> Tensor:
        right = axis.taps()
        flat = left[:, None, :, None] * axis.size + right[None, :, None, :]
        outside = (left[:, None, :, None] < 0) | (right[None, :, None, :] < 0)
        return flat.masked_fill(outside, -1).reshape(len(left) * len(right), -1)

    return reduce(combine, axes, torch.zeros(1, 1, dtype=torch.int64)).int()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Weighted:
    """A convolution or linear layer.

    In both, an output position ``e`` sees the input positions ``taps[e]``, and at each of them the
    ``c / groups`` channels of its group. A linear layer has one tap: its own row.

    Attributes:
        weight: ``(o, c / groups, *k)`` or ``(o, i)``; its flat order is the tie order.
        taps: int32 ``(e, t)``, -1 for padding, which is no contribution.
        channels_last: linear layers keep channels as the last axis, convolutions as the first.
        positive: every wanted output is known to be positive, so ``y`` need not be recorded.
    """

    layer: LayerShape
    x: str
    y: str
    weight: Tensor
    bias: Tensor | None
    taps: Tensor
    channels: int
    positions: int
    groups: int
    channels_last: bool
    positive: bool = False

    @property
    def size(self) -> int:
        """Number of input units."""
        return self.channels * self.positions

    @property
    def input_strides(self) -> tuple[int, int]:
        """Distance in flat units from one input channel, and from one position, to the next."""
        return (1, self.channels) if self.channels_last else (self.positions, 1)

    @property
    def output_strides(self) -> tuple[int, int]:
        """The same for the output."""
        return (1, len(self.weight)) if self.channels_last else (len(self.taps), 1)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Pool:
    """A pool: ``rows`` independent rows of ``positions`` inputs, the same windows in each."""

    x: str
    y: str
    taps: Tensor
    rows: int
    positions: int

    @property
    def size(self) -> int:
        """Number of input units."""
        return self.rows * self.positions


@dataclass(frozen=True, slots=True, eq=False)
class Mean(Pool):
    """An average over windows: the inputs of the window are the contributions."""


@dataclass(frozen=True, slots=True, eq=False)
class Maximum(Pool):
    """A max-pool: the first largest input of the window is the value."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Sum:
    """The sum of two activations, elementwise, each scaled.

    ``sources[k][u]`` is the unit of operand ``k`` that output unit ``u`` reads (broadcasting).
    """

    operands: tuple[str, str]
    y: str
    scales: tuple[float, float]
    sources: tuple[Tensor, Tensor]
    sizes: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Movement:
    """Data movement: output unit ``u`` is unit ``sources[k][u]`` of input ``k``, or none (-1).

    Attributes:
        pure: values stay what they are; False where a constant that spreads them also changes them.
    """

    inputs: tuple[str, ...]
    y: str
    sources: tuple[Tensor, ...]
    sizes: tuple[int, ...]
    pure: bool = True


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Same:
    """One element of each input, one output element: wanted if the output is not zero.

    Attributes:
        rectifies: an output that is not zero has a positive input (ReLU and the like).
        sure: every wanted output is known not to be zero, so ``y`` need not be recorded.
    """

    inputs: tuple[str, ...]
    y: str
    rectifies: bool = False
    sure: bool = False


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Attend:
    """Attention: in each of ``rows``, every output is a weighted sum of values over the keys.

    Shapes of one image: weights ``(rows, queries, keys)``, values ``(rows, keys, width)``, output
    ``(rows, queries, width)``. The weights are coefficients, only the values are followed.
    """

    weights: str
    x: str
    y: str
    rows: int
    queries: int
    keys: int
    width: int

    @property
    def size(self) -> int:
        """Number of values."""
        return self.rows * self.keys * self.width


Geometry = Weighted | Mean | Maximum | Sum | Movement | Same | Attend
