"""Plan a network once: every step of its graph with its geometry, in the order of the walk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from models.errors import UnsupportedOperationError
from models.graph import INPUT, Graph, Node
from models.network import Network
from models.operations import STRUCTURE
from profiling.errors import PlanError
from profiling.paths.geometry import Geometry, Movement, Same, Sum, Weighted
from profiling.paths.path import Layout
from profiling.paths.rules import RULES, example_values


@dataclass(frozen=True)
class Plan:
    """An immutable list of steps; extraction only runs it.

    Attributes:
        steps: in forward order.
        output: name of the logits.
    """

    steps: tuple[Geometry, ...]
    output: str

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
    nodes = _walked(network.graph)
    unknown = [(node.operation, node.layer) for node in nodes if node.operation not in RULES]
    if unknown:
        raise UnsupportedOperationError(unknown)
    steps, refused = [], []
    for node in nodes:
        try:
            steps.append(RULES[node.operation](node, context))
        except PlanError as error:
            refused.append(str(error))
    if refused:
        raise PlanError("; ".join(refused))
    return Plan(tuple(steps), network.graph.output)


def _walked(graph: Graph) -> list[Node]:
    """Return the nodes whose value depends on the input image and that a path can pass."""
    depends = {INPUT}
    nodes = []
    for node in graph.nodes:
        if node.operation not in STRUCTURE and depends.intersection(node.reads):
            depends.add(node.name)
            nodes.append(node)
    return nodes


def _looks_at(step: Geometry) -> tuple[str, ...]:
    match step:
        case Movement():
            return ()
        case Same():
            return (step.y,)
        case Sum():
            return (*step.operands, step.y)
        case _:
            return (step.x, step.y)
