"""The operations that a canonical graph may contain, by what they mean for a path.

This is an allow-list: capture refuses everything else, and so does loading a stored graph, so
that a file can never name an operation that we did not choose.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch

RESHAPE = "aten.reshape.default"
VIEWS = frozenset({"aten.view.default", "aten._unsafe_view.default"})
"""Reshapes that need one memory layout; canonising turns them into ``RESHAPE``."""

WEIGHTED = frozenset({"aten.conv1d.default", "aten.conv2d.default", "aten.conv3d.default", "aten.linear.default"})
MAXIMUM = frozenset({"aten.max_pool1d.default", "aten.max_pool2d.default", "aten.max_pool3d.default"})
MEAN = frozenset(
    {
        "aten.avg_pool1d.default",
        "aten.avg_pool2d.default",
        "aten.avg_pool3d.default",
        "aten.adaptive_avg_pool1d.default",
        "aten.adaptive_avg_pool2d.default",
        "aten.adaptive_avg_pool3d.default",
        "aten.mean.dim",
    }
)
ADD = frozenset({"aten.add.Tensor"})
ELEMENTWISE = frozenset(
    {
        "aten.relu.default",
        "aten.hardtanh.default",
        "aten.relu6.default",
        "aten.leaky_relu.default",
        "aten.gelu.default",
        "aten.elu.default",
        "aten.silu.default",
        "aten.hardswish.default",
        "aten.hardsigmoid.default",
        "aten.sigmoid.default",
        "aten.tanh.default",
        "aten.clamp.default",
        "aten.clamp_min.default",
    }
)
NORMALISATION = frozenset({"aten.batch_norm.default"})
MOVEMENT = frozenset(
    {
        RESHAPE,
        "aten.flatten.using_ints",
        "aten.permute.default",
        "aten.transpose.int",
        "aten.squeeze.dim",
        "aten.squeeze.dims",
        "aten.unsqueeze.default",
        "aten.expand.default",
        "aten.slice.Tensor",
        "aten.select.int",
        "aten.cat.default",
        "aten.constant_pad_nd.default",
        "aten.pad.default",
        "aten.roll.default",
        "aten.channel_shuffle.default",
    }
)
# These return several tensors or plain integers; the graph needs them, no path passes them as such.
STRUCTURE = frozenset({"aten.sym_size.int", "operator.getitem", "operator.mul", "operator.floordiv"})

ALLOWED = WEIGHTED | MAXIMUM | MEAN | ADD | ELEMENTWISE | NORMALISATION | MOVEMENT | STRUCTURE

IDENTITIES = frozenset(
    {
        "aten.dropout.default",
        "aten.feature_dropout.default",
        "aten.alias.default",
        "aten.clone.default",
        "aten.contiguous.default",
        "aten.detach.default",
        "aten.detach_.default",
        "aten.lift_fresh_copy.default",
    }
)
"""Operations that return their first argument in evaluation mode; capture removes them."""


def resolve(operation: str) -> Callable[..., Any]:
    """Return the function called ``operation``.

    Raises:
        KeyError: it is not an allowed operation.
    """
    if operation not in ALLOWED:
        raise KeyError(operation)
    if operation.startswith("operator."):
        function: Callable[..., Any] = getattr(operator, operation.removeprefix("operator."))
        return function
    _, packet, overload = operation.split(".")
    resolved: Callable[..., Any] = getattr(getattr(torch.ops.aten, packet), overload)
    return resolved


def name_of(target: object) -> str:
    """Return our name of an fx call target: ``aten.conv2d.default``, ``operator.mul``."""
    if isinstance(target, torch._ops.OpOverload):
        return str(target)
    module = getattr(target, "__module__", "").removeprefix("_")
    return f"{module}.{getattr(target, '__name__', str(target))}"
