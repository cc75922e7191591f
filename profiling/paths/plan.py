"""Plan a network once: every step of its graph with its geometry, in the order of the walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from torch import Tensor

from models.errors import UnsupportedOperationError
from models.network import Network
from profiling.errors import PlanError
from profiling.paths.batch import BatchAxis
from profiling.paths.context import example_values
from profiling.paths.geometry import Attend, Geometry, Movement, Same, Sum, Weighted
from profiling.paths.path import Layout
from profiling.paths.rules import RULES


@dataclass(frozen=True)
class Plan:
    """An immutable list of steps; extraction only runs it.

    Attributes:
        steps: in forward order.
        output: name of the logits.
        axes: where the images are in each activation that a path can pass.
    """

    steps: tuple[Geometry, ...]
    output: str
    axes: Mapping[str, BatchAxis]

    @cached_property
    def layout(self) -> Layout:
        """The weighted layers in forward order."""
        return Layout(tuple(step.layer for step in self.steps if isinstance(step, Weighted)))

    @cached_property
    def recorded(self) -> tuple[str, ...]:
        """Names of the activations that the walk looks at."""
        return tuple(dict.fromkeys(chain.from_iterable(_looks_at(step) for step in self.steps)))


def plan(network: Network) -> Plan:
    """Return the plan of ``network``.

    Raises:
        UnsupportedOperationError: steps without a rule; lists all of them.
        PlanError: a rule refuses its step; lists all of them.
    """
    context = example_values(network.graph)
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
    return Plan(tuple(steps), network.graph.output, context.axes)


def _looks_at(step: Geometry) -> tuple[str, ...]:
    match step:
        case Movement():
            return ()
        case Same():
            return (step.y,)
        case Sum():
            return (*step.operands, step.y)
        case Attend():
            return (step.weights, step.x, step.y)
        case _:
            return (step.x, step.y)
