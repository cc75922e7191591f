"""Plan a network once: every step of its graph with its geometry, in the order of the walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import torch
from torch import Tensor

from pathprint.models.errors import UnsupportedOperationError
from pathprint.models.network import Network
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.batch import BatchAxis
from pathprint.profiling.paths.context import example_values
from pathprint.profiling.paths.geometry import Attend, Geometry, Maximum, Mean, Movement, Same, Sum, Weighted
from pathprint.profiling.paths.path import Layout
from pathprint.profiling.paths.rules import RULES


@dataclass(frozen=True)
class Plan:
    """An immutable list of steps; extraction only runs it.

    Attributes:
        steps: in forward order.
        output: name of the logits.
        shapes: shape of every activation for one image.
        axes: where the images are in each activation that a path can pass.
    """

    steps: tuple[Geometry, ...]
    output: str
    shapes: Mapping[str, tuple[int, ...]]
    axes: Mapping[str, BatchAxis]

    @cached_property
    def layout(self) -> Layout:
        """The weighted layers in forward order."""
        return Layout(tuple(step.layer for step in self.weighted))

    @cached_property
    def recorded(self) -> tuple[str, ...]:
        """Names of the activations that the walk looks at."""
        return tuple(dict.fromkeys(chain.from_iterable(_looks_at(step) for step in self.steps)))

    def last(self, layers: int | None) -> Plan:
        """Return the plan of a walk that ends after the last ``layers`` weighted layers; None: all.

        Steps count from the output. What comes before the first of these layers, and on no way to
        one, is left out, so that its activations are not recorded either.
        """
        if layers is None:
            return self
        covered = {shape.name for shape in self.layout.layers[-layers:]}
        needed: set[str] = set()
        steps = []
        for step in self.steps:
            covers = step.layer.name in covered if isinstance(step, Weighted) else needed.intersection(inputs_of(step))
            if covers:
                needed.add(step.y)
                steps.append(step)
        return replace(self, steps=tuple(steps))

    def apart(self) -> Plan:
        """Return the plan of a forward path: weighted layers alone, of which all outputs are looked at."""
        return replace(self, steps=tuple(replace(step, positive=False) for step in self.weighted))

    def to(self, device: torch.device) -> Plan:
        """Return the same plan with the tensors of its steps on ``device``."""
        return replace(self, steps=tuple(_moved(step, device) for step in self.steps))

    @property
    def weighted(self) -> tuple[Weighted, ...]:
        """The steps of weighted layers, in forward order."""
        return tuple(step for step in self.steps if isinstance(step, Weighted))


def _moved(step: Geometry, device: torch.device) -> Geometry:
    match step:
        case Weighted():
            bias = None if step.bias is None else step.bias.to(device)
            return replace(step, weight=step.weight.to(device), bias=bias, taps=step.taps.to(device))
        case Mean() | Maximum():
            return replace(step, taps=step.taps.to(device))
        case Sum():
            return replace(step, sources=(step.sources[0].to(device), step.sources[1].to(device)))
        case Movement():
            return replace(step, sources=tuple(source.to(device) for source in step.sources))
        case _:
            return step


def plan(network: Network) -> Plan:
    """Return the plan of ``network``, on the device where that is.

    Raises:
        UnsupportedOperationError: steps without a rule; lists all of them.
        PlanError: a rule refuses its step; lists all of them.
    """
    context = example_values(network.graph.to("cpu"))
    # An operation with several outputs is a step where one of them is picked.
    nodes = [node for node in context.following.nodes if isinstance(context.values[node.name], Tensor)]
    unknown = [node for node in nodes if node.operation not in RULES or node in context.following.unsupported]
    if unknown:
        raise UnsupportedOperationError((node.operation, node.layer) for node in unknown)
    steps, refused = [], []
    for node in nodes:
        try:
            steps.append(RULES[node.operation](node, context))
        except PlanError as error:
            refused.append(str(error))
    if refused:
        raise PlanError("; ".join(refused))
    known = _told_what_is_known(steps, network.graph.output)
    names = {name for step in steps for name in (*inputs_of(step), *_looks_at(step), step.y)}
    shapes = {name: context.shape(name) for name in names}
    found = Plan(known, network.graph.output, shapes, context.axes)
    return found if network.device.type == "cpu" else found.to(network.device)


def _told_what_is_known(steps: list[Geometry], output: str) -> tuple[Geometry, ...]:
    """Mark what the walk need not look at, because of the steps that it comes from.

    A step that selects wants only inputs that are not zero, a step that moves wants what it was
    asked for; only an elementwise step can turn zero into something else. So some activations are
    known not to be zero where they are wanted, and a layer that only rectifiers read is positive
    where these are not zero.
    """
    readers: dict[str, list[Geometry]] = {}
    for step in steps:
        for name in inputs_of(step):
            readers.setdefault(name, []).append(step)
    known: list[Geometry] = []
    not_zero: dict[str, bool] = {}
    for step in reversed(steps):
        after = [] if step.y == output else readers.get(step.y, [])
        not_zero[step.y] = bool(after) and all(_keeps_off_zero(reader, not_zero) for reader in after)
        if isinstance(step, Same):
            step = replace(step, sure=not_zero[step.y])
        elif isinstance(step, Weighted):
            step = replace(step, positive=bool(after) and all(isinstance(r, Same) and r.rectifies for r in after))
        known.append(step)
    return tuple(reversed(known))


def _keeps_off_zero(reader: Geometry, not_zero: Mapping[str, bool]) -> bool:
    """Say whether what ``reader`` wants of its inputs is never zero."""
    match reader:
        case Same():
            return False
        case Movement():
            return reader.pure and not_zero[reader.y]
        case Maximum():
            return not_zero[reader.y]
        case _:
            return True


def inputs_of(step: Geometry) -> tuple[str, ...]:
    """Return the names of the activations that a step reads."""
    match step:
        case Movement() | Same():
            return step.inputs
        case Sum():
            return step.operands
        case _:
            return (step.x,)


def _looks_at(step: Geometry) -> tuple[str, ...]:
    match step:
        case Movement():
            return ()
        case Same():
            return () if step.sure else (step.y,)
        case Sum():
            return step.operands
        case Attend():
            return (step.weights, step.x, step.y)
        case Weighted():
            return (step.x,) if step.positive else (step.x, step.y)
        case Maximum():
            return (step.x,)
        case Mean():
            return (step.x, step.y)
