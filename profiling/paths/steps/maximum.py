"""Max-pools: the framework's own choice, the first largest input of each window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from pathprint.models.graph import Node
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.pool import Pool, adaptive_windows, sliding_windows
from pathprint.profiling.paths.steps.step import Passed

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel


@dataclass(frozen=True, eq=False)
class Maximum(Pool):
    """A max-pool: the first largest input of the window is the value."""

    @property
    def records(self) -> tuple[str, ...]:
        return (self.x,)

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        return Passed([(self.x, kernel.maximum(self, recorded[self.x], wanted))])

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        return output_nonzero  # the input that it wants has the output's value


def rule(node: Node, context: Context) -> Maximum:
    """Return the step of a max-pool with windows of a fixed size."""
    x, kernel, *rest = node.args
    defaults: list[Any] = [[], 0, 1]
    stride, padding, dilation = [*rest, *defaults[len(rest) :]][:3]
    return Maximum(x.name, node.name, *sliding_windows(node, context, (kernel, stride or kernel, padding, dilation)))


def adaptive(pool: Node, picked: Node, context: Context) -> Maximum:
    """Return the step of an adaptive max-pool, whose values the node ``picked`` takes from its two outputs."""
    return Maximum(pool.args[0].name, picked.name, *adaptive_windows(pool, context.shape(picked.name), context))
