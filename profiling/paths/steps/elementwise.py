"""Functions of single elements, affine normalisations and products: the element itself is followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from torch import Tensor

from pathprint.models.graph import Node
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.movement import Movement, broadcast_source
from pathprint.profiling.paths.steps.step import Passed, Step

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel

_RECTIFIERS = {"aten.relu.default", "aten.relu6.default"}


@dataclass(frozen=True, eq=False)
class Elementwise(Step):
    """A function of one element of each input: these are chosen if the output is wanted and not zero.

    Attributes:
        rectifies: whether an output that is not zero has a positive input (ReLU and its relatives).
        sure: whether every wanted output is known not to be zero, so ``y`` need not be recorded.
    """

    inputs: tuple[str, ...]
    y: str
    rectifies: bool = False
    sure: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        return self.inputs

    @property
    def records(self) -> tuple[str, ...]:
        return () if self.sure else (self.y,)

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        kept = wanted if self.sure else kernel.keep(self, recorded[self.y], wanted)
        return Passed([(name, kept) for name in self.inputs])

    def wants_positive(self) -> bool:
        return self.rectifies

    def told(self, nonzero: bool, readers: Sequence[Step]) -> Self:
        return replace(self, sure=nonzero)


def rule(node: Node, context: Context) -> Step:
    """Return the step of an elementwise function or product: a movement if a constant broadcasts the input."""
    names = context.following.of(node)
    if all(context.values[name].shape == context.values[node.name].shape for name in names):
        if any(context.axes[name] != context.axes[node.name] for name in names):
            raise PlanError(f"{node.layer or 'top level'}: {node.operation} mixes the images of a batch.")
        return Elementwise(names, node.name, _rectifies(node))
    source = broadcast_source(names[0], node, context)
    shapes, last = (context.shape(names[0]),), (context.channels_last(names[0]),)
    return Movement(names, node.name, (source,), shapes, last, pure=False)


def _rectifies(node: Node) -> bool:
    """Say whether an output that is not zero has a positive input."""
    return node.operation in _RECTIFIERS or (node.operation == "aten.hardtanh.default" and node.args[1:2] == (0.0,))
