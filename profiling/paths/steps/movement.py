"""Pure data movement, whatever the operation: an output unit is the input unit that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pathprint.models.graph import Node
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.context import EXAMPLES, Context
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.step import Passed, Step

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel


@dataclass(frozen=True, eq=False)
class Movement(Step):
    """Data movement: output unit ``u`` is unit ``sources[k][u]`` of input ``k``, or of no input (-1).

    Attributes:
        shapes: of each input, for one image.
        pure: whether values stay what they are; False if a constant that broadcasts them changes them too.
    """

    inputs: tuple[str, ...]
    y: str
    sources: tuple[Tensor, ...]
    shapes: tuple[tuple[int, ...], ...]
    pure: bool = True

    @property
    def reads(self) -> tuple[str, ...]:
        return self.inputs

    @property
    def records(self) -> tuple[str, ...]:
        return ()

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        return Passed(list(zip(self.inputs, kernel.move(self, wanted), strict=True)))

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        return self.pure and output_nonzero


def rule(node: Node, context: Context, producer: Node | None = None) -> Movement:
    """Return the step of a data movement, found by pushing element numbers through the operation itself.

    Every element of every input gets a number. The operation runs on these numbers, and again on the
    numbers plus an offset. An output that grows by the offset came from an input; any other, such as
    padding, came from none.

    Args:
        producer: the operation with several outputs of which ``node`` picks one.

    Raises:
        PlanError: the operation moves elements from one image to another.
    """
    inputs = context.following.of(producer or node)
    ends, numbered = 0, {}
    for name in inputs:
        numbered[name] = context.numbered(name, ends)
        ends += numbered[name].numel()

    def pushed(by: int) -> Tensor:
        values = {**context.values, **{name: numbers + by for name, numbers in numbered.items()}}
        if producer is not None:
            values[producer.name] = context.graph.evaluate(producer, values)
        moved: Tensor = context.graph.evaluate(node, values)
        return moved

    moved, shifted = pushed(0), pushed(ends)
    return _sources(node, context, inputs, torch.where(shifted - moved == ends, moved, -1).long())


def broadcast_source(name: str, node: Node, context: Context) -> Tensor:
    """Return for each output unit of ``node`` the unit of the activation ``name`` that is broadcast to it."""
    spread = context.numbered(name).expand(context.values[node.name].shape)
    (source,) = _sources(node, context, (name,), spread.long()).sources
    return source


def _sources(node: Node, context: Context, inputs: tuple[str, ...], element: Tensor) -> Movement:
    """Split the element numbers of a moved example batch into unit numbers per input; check that no images mix."""
    element = context.axes[node.name].images_first(element).reshape(EXAMPLES, -1)
    sources, start = [], 0
    for name in inputs:
        units = prod(context.shape(name))
        image, unit = (element - start) // units, (element - start) % units
        inside = (element >= start) & (element < start + EXAMPLES * units)
        expected = torch.arange(EXAMPLES).reshape(-1, 1)
        if not bool(((image == expected) | ~inside).all()):
            raise PlanError(f"{node.layer or 'top level'}: {node.operation} mixes the images of a batch.")
        sources.append(torch.where(inside, unit, -1)[0])
        start += EXAMPLES * units
    return Movement(inputs, node.name, tuple(sources), tuple(context.shape(name) for name in inputs))
