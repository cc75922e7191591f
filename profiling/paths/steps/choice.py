"""Operations that take one of two elements at each place: where, and the larger or smaller of two activations.

Capture writes the larger of two activations as ``where(a >= b, a, b)``. What a mask is made of only decides, and is
not followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from pathprint.models.graph import Node, Ref
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps import movement
from pathprint.profiling.paths.steps.step import Chosen, Passed, Step

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel


@dataclass(frozen=True, eq=False)
class Choice(Step):
    """The element that a mask, computed from the image, takes at each place.

    Attributes:
        mask: name of the mask; it has the shape of the output, and so have the operands.
        taken: the operand whose elements are taken where the mask is true; empty if it is a constant.
        other: the operand whose elements are taken elsewhere; empty if it is a constant.
    """

    mask: str
    y: str
    taken: str
    other: str

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.taken, self.other)))

    @property
    def records(self) -> tuple[str, ...]:
        return (self.mask,)

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        mask = recorded[self.mask]
        chosen: Chosen = []
        if self.taken:
            chosen.append((self.taken, kernel.keep(self, mask, wanted)))
        if self.other:
            chosen.append((self.other, kernel.keep(self, ~mask, wanted)))
        return Passed(chosen)

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        return output_nonzero  # the element that it wants has the output's value


def rule(node: Node, context: Context) -> Step:
    """Return the step of a choice by a mask: a data movement if the mask depends on no image.

    Raises:
        PlanError: the mask or an operand is smaller than the output; capture makes them equal.
    """
    mask, *operands = node.args
    if mask.name not in context.following.depending:
        return movement.rule(node, context)
    followed = context.following.of(node)
    names = [operand.name if isinstance(operand, Ref) and operand.name in followed else "" for operand in operands]
    shapes = {tuple(context.values[name].shape) for name in (mask.name, node.name, *filter(None, names))}
    if len(shapes) > 1 or any(context.axes[name] != context.axes[node.name] for name in filter(None, names)):
        raise PlanError(
            f"{node.layer or 'top level'}: {node.operation} broadcasts a mask that depends on the image; "
            "expand it to the shape of the output."
        )
    return Choice(mask.name, node.name, *names)
