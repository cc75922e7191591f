"""Fold what an exported program computes from parameters and literals alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

from pathprint.models.operations import ALLOWED, CONSTANT, CREATION, IDENTITIES, SIZES, VIEWS, name_of

_FOLDABLE = (ALLOWED | IDENTITIES | VIEWS | CONSTANT) - SIZES


def fold_constants(graph: fx.Graph, known: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the value of every call that depends neither on the image nor on the batch size, by node name.

    Args:
        known: the parameters, buffers and literals by placeholder name.
    """
    values: dict[str, Any] = dict(known)
    folded: dict[str, Any] = {}
    with torch.inference_mode():
        for node in graph.nodes:
            if node.op == "call_function" and name_of(node.target) in _FOLDABLE and _is_constant(node, values):
                folded[node.name] = values[node.name] = _value(node, values)
    return folded


def _is_constant(node: fx.Node, values: Mapping[str, Any]) -> bool:
    sources = node.all_input_nodes
    if name_of(node.target) in CREATION:  # their first argument only gives the type
        sources = [source for source in sources if source is not node.args[0]]
        return _literal_shape(node) and all(source.name in values for source in sources)
    return all(source.name in values for source in sources)


def _literal_shape(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and all(isinstance(size, int) for size in value.shape)


def _value(node: fx.Node, values: Mapping[str, Any]) -> Any:
    def known(source: fx.Node) -> Any:
        return values[source.name] if source.name in values else _blank(source)

    args, kwargs = map_arg((node.args, node.kwargs), known)
    assert callable(node.target)
    value = node.target(*args, **kwargs)
    return value.clone().contiguous() if isinstance(value, Tensor) else value


def _blank(node: fx.Node) -> Tensor:
    """Return zeros in place of a value that is read only for its type, and for its shape where that is fixed."""
    example = node.meta["val"]
    shape = tuple(example.shape) if _literal_shape(node) else ()
    return torch.zeros(shape, dtype=example.dtype)
