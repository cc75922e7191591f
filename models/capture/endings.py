"""Networks that return probabilities: what comes before a final softmax are the logits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pathprint.models.errors import NetworkWarning
from pathprint.models.graph import Graph, Node, Ref
from pathprint.models.operations import IDENTITIES

Ending = Callable[[Tensor], Tensor]
_SOFTMAX: Mapping[str, Ending] = {
    "aten.softmax.int": lambda logits: logits.softmax(1),
    "aten._softmax.default": lambda logits: logits.softmax(1),
    "aten.log_softmax.int": lambda logits: logits.log_softmax(1),
    "aten._log_softmax.default": lambda logits: logits.log_softmax(1),
}
_LOGARITHM = "aten.log.default"


class Exported(NamedTuple):
    """What was captured of a module: a raw graph of its logits, and what the module itself returns of these."""

    graph: Graph
    ending: Ending


def without_softmax(graph: Graph, shapes: Mapping[str, tuple[Any, ...]]) -> Exported:
    """Return ``graph`` up to a softmax over the classes, or its logarithm, at its very end; and say so.

    The classes keep their order, and the softmax of the logits are the probabilities that the module returns.
    """
    dropped = list[Node]()
    node = graph.by_name.get(graph.output)
    while node is not None and node.operation in IDENTITIES | {_LOGARITHM}:
        dropped.append(node)
        node = graph.by_name.get(node.reads[0])
    if node is None or node.operation not in _SOFTMAX or not _over_classes(node, shapes):
        return Exported(graph, lambda logits: logits)
    logits, softmax = node.args[0], _SOFTMAX[node.operation]
    assert isinstance(logits, Ref)
    warnings.warn(
        f"the network ends in a softmax{f' ({node.layer})' if node.layer else ''}, which is left out: "
        "what comes before it is taken as its logits.",
        NetworkWarning,
        stacklevel=2,
    )
    names = {node.name, *(other.name for other in dropped)}
    kept = replace(graph, nodes=tuple(n for n in graph.nodes if n.name not in names), output=logits.name)
    logarithm = any(other.operation == _LOGARITHM for other in dropped)
    return Exported(kept, (lambda x: torch.log(softmax(x))) if logarithm else softmax)


def _over_classes(node: Node, shapes: Mapping[str, tuple[Any, ...]]) -> bool:
    return len(shapes[node.name]) == 2 and node.args[1] in (1, -1)
