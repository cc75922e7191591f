"""Windows of convolutions and pools: which input positions each output position sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor


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

    Output positions and taps are in C order over the axes; -1 stands for padding.
    """

    def combine(left: Tensor, axis: Axis) -> Tensor:
        right = axis.taps()
        flat = left[:, None, :, None] * axis.size + right[None, :, None, :]
        outside = (left[:, None, :, None] < 0) | (right[None, :, None, :] < 0)
        return flat.masked_fill(outside, -1).reshape(len(left) * len(right), -1)

    return reduce(combine, axes, torch.zeros(1, 1, dtype=torch.int64)).int()


def sliding_axis(size: int, outputs: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> Axis:
    """Return the axis of a window of ``kernel`` taps that moves by ``stride``."""
    return Axis(size, tuple(o * stride - padding for o in range(outputs)), (kernel,) * outputs, dilation)


def adaptive_axis(size: int, outputs: int) -> Axis:
    """Return the axis of windows that divide the input into ``outputs``; they can differ in length and overlap."""
    starts = tuple(o * size // outputs for o in range(outputs))
    ends = (-(-(o + 1) * size // outputs) for o in range(outputs))
    return Axis(size, starts, tuple(end - start for start, end in zip(starts, ends, strict=True)))


def per_axis(value: Any, axes: int) -> list[int]:
    """Return an operation's argument as one number per axis."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values * axes if len(values) == 1 else values
