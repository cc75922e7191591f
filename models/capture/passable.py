"""Which values of a graph a path can pass, from the logits back to the image.

A path does not pass values that only feed coefficients (attention weights, squeeze-and-excitation gates):
docs/method.md, "The path of an image".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pathprint.models.graph import INPUT, Graph, Node, Ref
from pathprint.models.operations import (
    ALLOWED,
    ATTEND,
    COEFFICIENTS,
    COMPARISONS,
    CREATION,
    IDENTITIES,
    MOVEMENT,
    MULTIPLY,
    PICK,
    SIZES,
    SOFTMAX,
    VIEWS,
    WHERE,
)

_OF_SEVERAL = {
    "aten.add.Tensor",
    "aten.sub.Tensor",
    "aten.cat.default",
    "aten.stack.default",
    "aten.slice_scatter.default",
    "aten.select_scatter.default",
}
_PASSIVE = MOVEMENT | IDENTITIES | VIEWS


@dataclass(frozen=True)
class Following:
    """Says for every node of ``graph`` to which of the values that it reads a path goes on.

    Attributes:
        shapes: shape of every tensor that the graph computes, by name; shapes are only compared with each other.
    """

    graph: Graph
    shapes: Mapping[str, tuple[Any, ...]]

    @cached_property
    def depending(self) -> frozenset[str]:
        """Names of the values that depend on what the image shows, not only on the batch size."""
        found = {INPUT}
        for node in self.graph.nodes:
            if node.operation not in SIZES | CREATION and found.intersection(node.reads):
                found.add(node.name)
        return frozenset(found)

    @cached_property
    def masks(self) -> frozenset[str]:
        """Names of the values that depend on the image by comparisons alone, as masks do."""
        found = set[str]()
        for node in self.graph.nodes:
            active = self.depending.intersection(node.reads)
            if node.name in self.depending and (node.operation in COMPARISONS or active <= found):
                found.add(node.name)
        return frozenset(found)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes that a path can pass, in graph order."""
        wanted = {self.graph.output}
        passed = []
        for node in reversed(self.graph.nodes):
            if node.name in wanted and node.name in self.depending:
                passed.append(node)
                wanted.update(self.of(node))
        return tuple(reversed(passed))

    @cached_property
    def unsupported(self) -> tuple[Node, ...]:
        """The nodes that a path would have to pass but cannot."""
        return tuple(node for node in self.nodes if node.operation in COEFFICIENTS or not self.of(node))

    def of(self, node: Node) -> tuple[str, ...]:
        """Return the names of the values that a path goes on to from ``node``, each once; empty without a rule."""
        active = tuple(dict.fromkeys(name for name in node.reads if name in self.depending))
        if node.operation in MULTIPLY:
            return self._factors(node, active)
        if node.operation in ATTEND:
            weights, values = node.args
            return (values.name,) if self._is_attention(weights) and values.name in active else ()
        if node.operation in WHERE:
            return tuple(name for name in active if name not in self.masks)
        if _takes_several(node):
            return active
        # Weights, indices and statistics that depend on the image have no rule.
        return active if active == _first(node) else ()

    def _factors(self, node: Node, active: tuple[str, ...]) -> tuple[str, ...]:
        """Return the factors to follow: the only one that depends on the image, or those that are not broadcast.

        A broadcast factor is a gate, and so is a mask. The divisor of an activation is a coefficient, as in a
        normalisation; the divisor of a constant is followed as the only factor.
        """
        if node.operation == "aten.div.Tensor" and len(active) > 1:
            return _first(node)
        valued = tuple(name for name in active if name not in self.masks)
        full = tuple(name for name in valued if self.shapes[name] == self.shapes[node.name])
        return valued if len(valued) == 1 else full

    def _is_attention(self, operand: Ref) -> bool:
        """Say whether ``operand`` is the output of a softmax, perhaps rearranged since."""
        while (node := self.graph.by_name.get(operand.name)) is not None:
            if node.operation in SOFTMAX:
                return True
            if node.operation not in _PASSIVE or not isinstance(node.args[0], Ref):
                return False
            operand = node.args[0]
        return False


def _takes_several(node: Node) -> bool:
    return node.operation in _OF_SEVERAL or node.operation not in ALLOWED | {PICK}


def _first(node: Node) -> tuple[str, ...]:
    return (node.args[0].name,) if isinstance(node.args[0], Ref) else ()
