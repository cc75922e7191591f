"""Convolutions and linear layers: the contributions to a unit are inputs times weights over its receptive field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from pathprint.models.graph import Node
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.path import LayerShape
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.step import Passed, Step
from pathprint.profiling.paths.steps.windows import Axis, per_axis, sliding_axis, window_taps

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel


@dataclass(frozen=True, eq=False)
class Weighted(Step):
    """A convolution or linear layer. Its bias is no contribution.

    In either, an output position ``e`` sees the input positions ``taps[e]``, and at each of them the
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
    def reads(self) -> tuple[str, ...]:
        return (self.x,)

    @property
    def records(self) -> tuple[str, ...]:
        return (self.x,) if self.positive else (self.x, self.y)

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        selection = policy.at(self.layer.name)
        layer, inputs = kernel.weighted(self, recorded[self.x], recorded.get(self.y), wanted, selection)
        return Passed([(self.x, inputs)], layer)

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        return True  # zero times a weight is no positive contribution

    def told(self, nonzero: bool, readers: Sequence[Step]) -> Self:
        return replace(self, positive=bool(readers) and all(reader.wants_positive() for reader in readers))

    @property
    def size(self) -> int:
        """Number of input units."""
        return self.channels * self.positions

    @property
    def input_strides(self) -> tuple[int, int]:
        """Distance in flat units from one input channel, and from one input position, to the next."""
        return (1, self.channels) if self.channels_last else (self.positions, 1)


def rule(node: Node, context: Context) -> Weighted:
    """Return the step of a convolution or linear layer.

    Raises:
        PlanError: a convolution's input has the images merged with another axis.
    """
    arguments: list[Any] = [*node.args, *([None] * (3 - len(node.args)))]
    x, weight_ref, bias_ref, *options = arguments
    weight = context.graph.constants[weight_ref.name]
    bias = None if bias_ref is None else context.graph.constants[bias_ref.name]
    shape, output = context.plain_shape(x.name, weight.dim() - 1), context.shape(node.name)
    layer = LayerShape(node.layer, output, tuple(weight.shape))
    if node.operation == "aten.linear.default":
        rows = prod(shape[:-1])
        own_row = torch.arange(rows, dtype=torch.int32)[:, None]
        return Weighted(layer, x.name, node.name, weight, bias, own_row, shape[-1], rows, 1, True)
    if len(shape) != weight.dim() - 1:
        raise PlanError(f"{node.layer}: images are merged with other axes before a convolution.")
    axes, groups = _conv_axes(options, shape[1:], output[1:], tuple(weight.shape[2:]))
    taps, positions = window_taps(axes), prod(shape[1:])
    return Weighted(layer, x.name, node.name, weight, bias, taps, shape[0], positions, groups, False)


def _conv_axes(
    options: list[Any], sizes: tuple[int, ...], outputs: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[tuple[Axis, ...], int]:
    defaults: list[Any] = [1, 0, 1, 1]
    strides, paddings, dilations, groups = [*options, *defaults[len(options) :]]
    stride, dilation = per_axis(strides, len(sizes)), per_axis(dilations, len(sizes))
    if isinstance(paddings, str):  # if the sum is odd, the framework puts the larger part behind
        same = paddings == "same"
        padding = [same * d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]
    else:
        padding = per_axis(paddings, len(sizes))
    axes = zip(sizes, outputs, kernel, stride, padding, dilation, strict=True)
    return tuple(sliding_axis(*axis) for axis in axes), int(groups)
