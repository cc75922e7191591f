"""Averages over windows: the inputs of the window are the contributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from torch import Tensor

from pathprint.models.graph import Node
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.pool import Pool, Windows, adaptive_windows, sliding_windows
from pathprint.profiling.paths.steps.step import Passed
from pathprint.profiling.paths.steps.windows import Axis, window_taps

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel


@dataclass(frozen=True, eq=False)
class Average(Pool):
    """An average over windows."""

    @property
    def records(self) -> tuple[str, ...]:
        return (self.x, self.y)

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        chosen = kernel.average(self, recorded[self.x], recorded[self.y], wanted, policy.between)
        return Passed([(self.x, chosen)])

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        return True  # only what is positive, or negative as the average is, contributes


def rule(node: Node, context: Context) -> Average:
    """Return the step of an average-pool with windows of a fixed size, of an adaptive one, or of a mean."""
    if node.operation == "aten.mean.dim":
        windows = _last_axes(node, context)
    elif node.operation.startswith("aten.adaptive"):
        windows = adaptive_windows(node, context.shape(node.name), context)
    else:
        _, kernel, *rest = node.args
        defaults: list[Any] = [[], 0]
        stride, padding = [*rest, *defaults[len(rest) :]][:2]
        windows = sliding_windows(node, context, (kernel, stride or kernel, padding, 1))
    return Average(node.args[0].name, node.name, *windows)


def _last_axes(node: Node, context: Context) -> Windows:
    """Return one window with everything in the last axes."""
    x, axes, *_ = node.args
    shape = context.shape(x.name)
    if not context.axes[x.name].is_first:
        raise PlanError(f"{node.layer or 'top level'}: a mean is not traced where the batch is not the first axis.")
    reduced = sorted(axis % (len(shape) + 1) for axis in axes)
    kept = len(shape) - len(reduced)
    if reduced != list(range(kept + 1, len(shape) + 1)):
        raise PlanError(f"{node.layer or 'top level'}: a mean over axes {axes} is not traced; only over the last axes.")
    window = tuple(Axis(size, (0,), (size,)) for size in shape[kept:])
    return window_taps(window), prod(shape[:kept]), prod(shape[kept:])
