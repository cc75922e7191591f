"""Find the residual blocks of a network in its plan, and run the network without one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pathprint.models.graph import INPUT
from pathprint.models.network import Network
from pathprint.profiling.paths.plan import Plan
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.weighted import Weighted


@dataclass(frozen=True, slots=True)
class Block:
    """A residual block: a sum of a shortcut and a branch.

    Attributes:
        name: name of the module that computes the sum; its second sum ends with ``@2``, and so on.
        step: the sum.
        branch: which operand of ``step`` is the branch, 0 or 1.
        layers: the weighted layers that only the branch has.
        shortcut: the weighted layer that only the shortcut has; empty if there is none.
    """

    name: str
    step: Addition
    branch: int
    layers: tuple[str, ...]
    shortcut: str

    def shortcut_alone(self, value: Tensor, read: Mapping[str, Any]) -> Tensor:
        """Return the value of the sum if the branch is zero; a replacement for ``Graph.record``."""
        kept = 1 - self.branch
        alone: Tensor = self.step.scales[kept] * read[self.step.operands[kept]]
        return alone.expand_as(value)


def residual_blocks(network: Network, plan: Plan) -> tuple[Block, ...]:
    """Return the residual blocks in forward order; ``plan`` must cover all layers.

    Count for each operand of a sum the weighted layers that the other operand does not have. The sum is residual if
    one operand, the shortcut, has at most one, and the other, the branch, has more. So a projection counts as a
    shortcut, and the sum of two towers of equal depth is no residual block.
    """
    behind: dict[str, dict[str, None]] = {INPUT: {}}  # the weighted layers before each value, in order
    found, seen = [], Counter[str]()
    for step in plan.steps:
        before = [behind[name] for name in step.reads]
        behind[step.y] = {name: None for names in before for name in names}
        if isinstance(step, Weighted):
            behind[step.y][step.layer.name] = None
        elif isinstance(step, Addition):
            own = [tuple(name for name in before[i] if name not in before[1 - i]) for i in (0, 1)]
            branch = int(len(own[1]) > len(own[0]))
            if len(own[1 - branch]) <= 1 and len(own[0]) != len(own[1]):
                name = network.graph.by_name[step.y].layer or "(top level)"
                seen[name] += 1
                numbered = f"{name}@{seen[name]}" if seen[name] > 1 else name
                found.append(Block(numbered, step, branch, own[branch], "".join(own[1 - branch])))
    return tuple(found)


def logits_without(network: Network, block: Block, pixels: Tensor) -> Tensor:
    """Return logits ``n k`` of pixels ``n c h w`` with the branch of ``block`` replaced by zero."""
    with torch.inference_mode():
        x = network.preprocessing.normalise(pixels)
        output = network.graph.output
        return network.graph.record(x, (), {block.step.y: block.shortcut_alone})[output]
