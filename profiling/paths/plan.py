"""Plan a network once: every step of its graph with its geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import torch
from torch import Tensor

from pathprint.models.errors import UnsupportedOperationError
from pathprint.models.graph import Node
from pathprint.models.network import Network
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.averages import Average, averages
from pathprint.profiling.paths.batch import BatchAxis
from pathprint.profiling.paths.context import Context, example_values
from pathprint.profiling.paths.path import Layout
from pathprint.profiling.paths.steps import rule_of
from pathprint.profiling.paths.steps.movement import join
from pathprint.profiling.paths.steps.step import Step
from pathprint.profiling.paths.steps.weighted import Weighted


@dataclass(frozen=True)
class Plan:
    """An immutable list of steps; extraction only runs it.

    Attributes:
        steps: in forward order; data movements that follow one another are one step.
        output: name of the logits.
        shapes: shape of every activation for one image.
        axes: where the images are in each activation that a path can pass.
        averages: which activations are averaged for linear probes, and how; usually none.
    """

    steps: tuple[Step, ...]
    output: str
    shapes: Mapping[str, tuple[int, ...]]
    axes: Mapping[str, BatchAxis]
    averages: tuple[Average, ...] = ()

    @cached_property
    def layout(self) -> Layout:
        """The weighted layers in forward order."""
        return Layout(tuple(step.layer for step in self.weighted))

    @cached_property
    def recorded(self) -> tuple[str, ...]:
        """Names of the activations that the walk looks at."""
        return tuple(dict.fromkeys(chain.from_iterable(step.records for step in self.steps)))

    def last(self, layers: int | None) -> Plan:
        """Return the plan of a walk through the last ``layers`` weighted layers only; None for all.

        It has these layers and the steps that depend on them. All other steps are left out, so that
        their activations are not recorded either.
        """
        if layers is None:
            return self
        covered = {shape.name for shape in self.layout.layers[-layers:]}
        needed: set[str] = set()
        steps = []
        for step in self.steps:
            covers = step.layer.name in covered if isinstance(step, Weighted) else needed.intersection(step.reads)
            if covers:
                needed.add(step.y)
                steps.append(step)
        return replace(self, steps=tuple(steps))

    def averaging(self) -> Plan:
        """Return the plan that also averages what its weighted layers read."""
        return replace(self, averages=averages(self.weighted, self.shapes))

    def apart(self) -> Plan:
        """Return the plan of a forward path: weighted layers alone, all of whose outputs are recorded."""
        return replace(self, steps=tuple(step.told(False, ()) for step in self.weighted))

    def to(self, device: torch.device) -> Plan:
        """Return the plan with the tensors of its steps on ``device``."""
        return replace(self, steps=tuple(step.to(device) for step in self.steps))

    @property
    def weighted(self) -> tuple[Weighted, ...]:
        """The steps of weighted layers, in forward order."""
        return tuple(step for step in self.steps if isinstance(step, Weighted))


def plan(network: Network) -> Plan:
    """Return the plan of ``network``, on the network's device.

    Raises:
        UnsupportedOperationError: steps without a rule; lists all of them.
        PlanError: a rule refuses its step; lists all of them.
    """
    context = example_values(network.graph.to("cpu"))
    _check_logits(network, context)
    nodes = passed(context)
    unknown = [node for node in nodes if rule_of(node.operation) is None or node in context.following.unsupported]
    if unknown:
        raise UnsupportedOperationError((node.operation, node.layer) for node in unknown)
    steps = join(_steps(nodes, context), network.graph.output)
    names = {name for step in steps for name in (*step.reads, *step.records, step.y)}
    shapes = {name: context.shape(name) for name in names}
    needed = mark_unneeded_records(steps, network.graph.output)
    found = Plan(needed, network.graph.output, shapes, context.axes)
    return found if network.device.type == "cpu" else found.to(network.device)


def passed(context: Context) -> list[Node]:
    """Return the operations that a path passes.

    An operation with several outputs is not among them: the node that picks one of them is.
    """
    return [node for node in context.following.nodes if isinstance(context.values[node.name], Tensor)]


def _check_logits(network: Network, context: Context) -> None:
    """Refuse a network, from a file perhaps, that does not return a logit for each of at least two classes."""
    shape, classes = tuple(context.values[network.graph.output].shape), len(network.labels)
    if len(shape) != 2 or shape[1] != classes or classes < 2:
        raise PlanError(
            f"for two images the network returns shape {shape} and has {classes} label(s); "
            "it must return one logit for each of at least two classes."
        )


def _steps(nodes: Sequence[Node], context: Context) -> list[Step]:
    """Return the step of each node.

    Raises:
        PlanError: rules refuse some nodes; names all of them.
    """
    steps: list[Step] = []
    refused = []
    for node in nodes:
        rule = rule_of(node.operation)
        assert rule is not None, "nodes without a rule were refused before"
        try:
            steps.append(rule(node, context))
        except PlanError as error:
            refused.append(str(error))
    if refused:
        raise PlanError("; ".join(refused))
    return steps


def mark_unneeded_records(steps: Sequence[Step], output: str) -> tuple[Step, ...]:
    """Tell each step what is known of its wanted outputs, so that fewer activations are recorded.

    Whether a wanted unit can be zero follows from the steps that want it, and so does whether it is
    positive: docs/method.md, "What need not be recorded", has both lemmas and their proofs.
    """
    readers: dict[str, list[Step]] = {}
    for step in steps:
        for name in step.reads:
            readers.setdefault(name, []).append(step)
    told: list[Step] = []
    nonzero: dict[str, bool] = {}
    for step in reversed(steps):
        after = [] if step.y == output else readers.get(step.y, [])
        nonzero[step.y] = bool(after) and all(reader.wants_nonzero(nonzero[reader.y]) for reader in after)
        told.append(step.told(nonzero[step.y], after))
    return tuple(reversed(told))
