"""Sums of two activations, as residual connections have them: both operands' elements are contributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from torch import Tensor

from pathprint.models.graph import Node, Ref
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps import elementwise
from pathprint.profiling.paths.steps.movement import broadcast_source
from pathprint.profiling.paths.steps.step import Passed, Step

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel


@dataclass(frozen=True, eq=False)
class Addition(Step):
    """The sum of two activations, elementwise, each scaled.

    ``sources[k][u]`` is the unit of operand ``k`` that output unit ``u`` reads (broadcasting).
    """

    operands: tuple[str, str]
    y: str
    scales: tuple[float, float]
    sources: tuple[Tensor, Tensor]
    sizes: tuple[int, int]

    @property
    def reads(self) -> tuple[str, ...]:
        return self.operands

    @property
    def records(self) -> tuple[str, ...]:
        return self.operands

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        first, second = self.operands
        chosen = kernel.add(self, (recorded[first], recorded[second]), wanted, policy.between)
        return Passed(list(zip(self.operands, chosen, strict=True)))

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        return True  # zero contributes nothing


def rule(node: Node, context: Context) -> Step:
    """Return the step of a sum. If one operand is a constant, the other is followed as an elementwise function."""
    names = context.following.of(node)
    operands = [a.name for a in node.args[:2] if isinstance(a, Ref) and a.name in names]
    if len(operands) == 1:
        return elementwise.rule(node, context)
    sources = [broadcast_source(name, node, context) for name in operands]
    sizes = [prod(context.shape(name)) for name in operands]
    alpha = float(node.kwargs.get("alpha", 1))
    scales = (1.0, -alpha if node.operation == "aten.sub.Tensor" else alpha)
    pair = operands[0], operands[1]
    return Addition(pair, node.name, scales, (sources[0], sources[1]), (sizes[0], sizes[1]))
