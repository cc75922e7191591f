"""Pure data movement, whatever the operation: an output unit is the input unit that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        channels_last: of each input, whether it is ``n c h w`` with the channels last in memory.
        pure: whether values stay what they are; False if a constant that broadcasts them changes them too.
    """

    inputs: tuple[str, ...]
    y: str
    sources: tuple[Tensor, ...]
    shapes: tuple[tuple[int, ...], ...]
    channels_last: tuple[bool, ...]
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

    def joined(self, before: Mapping[str, Movement]) -> Movement:
        """Return one movement in place of this one and those of ``before`` whose outputs it reads.

        Args:
            before: movements with one input, by the name of their output.
        """
        earlier = [before.get(name) for name in self.inputs]
        own = zip(self.inputs, self.sources, self.shapes, self.channels_last, strict=True)
        parts = [
            part
            if first is None
            else (first.inputs[0], _through(part[1], first), first.shapes[0], first.channels_last[0])
            for part, first in zip(own, earlier, strict=True)
        ]
        inputs, sources, shapes, last = zip(*parts, strict=True)
        pure = self.pure and all(first is None or first.pure for first in earlier)
        return Movement(inputs, self.y, sources, shapes, last, pure)


def _through(source: Tensor, first: Movement) -> Tensor:
    """Return the units that come before those of ``source``, by the movement ``first``."""
    return torch.where(source >= 0, first.sources[0][source.clamp(min=0)], -1)


def join(steps: Sequence[Step], output: str) -> list[Step]:
    """Return the steps with movements that follow one another joined, so that each unit is moved once.

    A movement that only other movements read is left out. One with several inputs is joined to those before it, and
    not to those behind it.
    """
    single: dict[str, Movement] = {}
    found: list[Step] = []
    for step in steps:
        now = step.joined(single) if isinstance(step, Movement) else step
        if isinstance(now, Movement) and len(now.inputs) == 1:
            single[now.y] = now
        found.append(now)
    return _without_unread(found, output)


def _without_unread(steps: Sequence[Step], output: str) -> list[Step]:
    kept: list[Step] = []
    read = {output}
    for step in reversed(steps):
        if step.y in read or not isinstance(step, Movement):
            kept.append(step)
            read.update(step.reads)
    return kept[::-1]


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
    shapes = tuple(context.shape(name) for name in inputs)
    return Movement(inputs, node.name, tuple(sources), shapes, tuple(context.channels_last(name) for name in inputs))
