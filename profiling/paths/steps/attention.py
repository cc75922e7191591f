"""Attention: sums of weight times value over the keys; weights are coefficients, only values are followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from torch import Tensor

from pathprint.models.graph import Node
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.step import Passed, Step

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel


@dataclass(frozen=True, eq=False)
class Attention(Step):
    """The weighted sums of an attention: in each of ``rows`` (heads, windows), an output sums over the keys.

    Shapes of one image: weights ``(rows, queries, keys)``, values ``(rows, keys, width)``, output
    ``(rows, queries, width)``.
    """

    weights: str
    x: str
    y: str
    rows: int
    queries: int
    keys: int
    width: int

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.x,)

    @property
    def records(self) -> tuple[str, ...]:
        return (self.weights, self.x, self.y)

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        weights, values, outputs = (recorded[name] for name in self.records)
        return Passed([(self.x, kernel.attend(self, (weights, values, outputs), wanted, policy.between))])

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        return True  # zero times a weight is no positive contribution


def rule(node: Node, context: Context) -> Attention:
    """Return the step of a product of attention weights and values."""
    weights, values = (argument.name for argument in node.args)
    *batch, queries, keys = context.values[weights].shape
    same_axis = len({context.axes[name] for name in (weights, values, node.name)}) == 1
    if tuple(context.values[values].shape[:-1]) != (*batch, keys) or not same_axis:
        raise PlanError(f"{node.layer or 'top level'}: attention weights and values must have the same leading axes.")
    *rows, _, width = context.plain_shape(values, 2)
    return Attention(weights, values, node.name, prod(rows), queries, keys, width)
