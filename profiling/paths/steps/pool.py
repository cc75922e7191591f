"""What average-pools and max-pools have in common: windows over the rows of an activation."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor

from pathprint.models.graph import Node
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.steps.step import Step
from pathprint.profiling.paths.steps.windows import adaptive_axis, per_axis, sliding_axis, window_taps

Windows = tuple[Tensor, int, int]
"""Taps, rows and positions of a pool."""


@dataclass(frozen=True, eq=False)
class Pool(Step):
    """``rows`` independent rows of ``positions`` inputs, with equal windows in each.

    Attributes:
        taps: input positions that each output position sees, int32 ``(e, t)``; -1 for padding.
    """

    x: str
    y: str
    taps: Tensor
    rows: int
    positions: int

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.x,)

    @property
    def size(self) -> int:
        """Number of input units."""
        return self.rows * self.positions


def sliding_windows(node: Node, context: Context, options: tuple[Any, Any, Any, Any]) -> Windows:
    """Return the windows of a pool with (kernel, stride, padding, dilation)."""
    count = int(node.operation.split("pool")[1][0])
    shape, output = context.plain_shape(node.args[0].name, count), context.shape(node.name)
    values = [per_axis(option, count) for option in options]
    axes = zip(shape[-count:], output[-count:], *values, strict=True)
    taps = window_taps(tuple(sliding_axis(*axis) for axis in axes))
    return taps, prod(shape[:-count]), prod(shape[-count:])


def adaptive_windows(node: Node, output: tuple[int, ...], context: Context) -> Windows:
    """Return the windows of an adaptive pool ``node`` whose values have the shape ``output``."""
    x, sizes = node.args
    count = len(sizes)
    shape = context.plain_shape(x.name, count)
    axes = tuple(adaptive_axis(shape[a], output[a]) for a in range(-count, 0))
    return window_taps(axes), prod(shape[:-count]), prod(shape[-count:])
