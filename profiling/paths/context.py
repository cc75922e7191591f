"""What a rule may look at: a graph with the values of an example batch, and where the images are in each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import torch
from torch import Tensor

from pathprint.models import operations
from pathprint.models.capture.passable import Following
from pathprint.models.graph import INPUT, Change, Graph, Node, channels_last
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.batch import BatchAxis, batch_axis

EXAMPLES = 2


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may look at: the graph, and the value of every node on an example batch of two."""

    following: Following
    values: Mapping[str, Any]
    axes: Mapping[str, BatchAxis]

    @property
    def graph(self) -> Graph:
        return self.following.graph

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an activation without its batch axis."""
        return tuple(self.axes[name].images_first(self.values[name]).shape[1:])

    def channels_last(self, name: str) -> bool:
        """Say whether an activation is ``n c h w`` with the channels of a pixel side by side in memory."""
        return self.axes[name].is_first and channels_last(self.values[name])

    def plain_shape(self, name: str, last: int) -> tuple[int, ...]:
        """Return the shape of an activation without its batch axis, for a step that works on the ``last`` axes.

        Raises:
            PlanError: the images are in one of the last axes.
        """
        if self.axes[name].axis >= self.values[name].dim() - last:
            raise PlanError(
                f"{name} has shape {tuple(self.values[name].shape)}; the batch must come before its last {last} axes."
            )
        return self.shape(name)

    def numbered(self, name: str, first: int = 0) -> Tensor:
        """Return a stand-in for an activation: element numbers from ``first`` on, image by image."""
        shape = self.shape(name)
        numbers = torch.arange(first, first + EXAMPLES * prod(shape), dtype=torch.float64)
        return self.axes[name].put_back(numbers.reshape(EXAMPLES, *shape))


def example_values(graph: Graph) -> Context:
    """Run ``graph`` on an example batch of two and return what rules need to know.

    The second image is nan, which spreads to whatever depends on it.
    """
    x = torch.rand(EXAMPLES + 1, *graph.input_shape, generator=torch.Generator().manual_seed(0))
    x[1] = torch.nan
    names = [INPUT, *(node.name for node in graph.nodes)]
    with torch.inference_mode():
        values = graph.record(x[:EXAMPLES], names, _undecided(graph))
        tensors = {name: value for name, value in values.items() if isinstance(value, Tensor)}
        following = Following(graph, {name: tuple(value.shape) for name, value in tensors.items()})
        walked = [name for node in following.nodes for name in (node.name, *_needed(node, following))]
        axes = _batch_axes({n: tensors[n] for n in walked if n in tensors}, graph, x)
        chosen = (node for node in following.nodes if node.operation in operations.WHERE)
        masks = {node.args[0].name: axes[node.name] for node in chosen if node.args[0].name in following.depending}
        return Context(following, values, axes | masks)


def _undecided(graph: Graph) -> dict[str, Change]:
    """Let nan pass where a mask chooses: no mask is nan, so a choice is nan wherever its mask depends on nan."""
    depending = Following(graph, {}).depending

    def change(mask: str) -> Change:
        return lambda value, values: value.masked_fill(_doubtful(mask, values, graph, depending), torch.nan)

    chosen = (node for node in graph.nodes if node.operation in operations.WHERE)
    return {node.name: change(node.args[0].name) for node in chosen if node.args[0].name in depending}


def _doubtful(name: str, values: Mapping[str, Any], graph: Graph, depending: Collection[str]) -> Tensor:
    """Return where a value is nan or, as masks cannot be nan, where what a mask was computed from is."""
    value = values[name]
    if value.dtype is not torch.bool:
        found: Tensor = value.isnan()
        return found
    node = graph.by_name[name]
    parts = {read: _doubtful(read, values, graph, depending) for read in node.reads if read in depending}
    if node.operation in operations.MOVEMENT:
        moved: Tensor = graph.evaluate(node, {**values, **parts})
        return moved
    return reduce(torch.logical_or, parts.values()).expand(value.shape)


def _needed(node: Node, following: Following) -> tuple[str, ...]:
    """Return the activations that the step of ``node`` looks at, coefficients included."""
    if node.operation in operations.ATTEND:
        return tuple(argument.name for argument in node.args)
    return following.of(node)


def _batch_axes(tensors: Mapping[str, Tensor], graph: Graph, x: Tensor) -> dict[str, BatchAxis]:
    if all(_has_images_first(value) for value in tensors.values()):  # spares most networks a second run
        return dict.fromkeys(tensors, BatchAxis())
    three = graph.record(x, tensors)
    return {name: batch_axis(name, value, tuple(three[name].shape)) for name, value in tensors.items()}


def _has_images_first(value: Tensor) -> bool:
    found = value.isnan().flatten(1).any(1).tolist() if value.dim() > 1 else []
    return bool(found == [False, True])
