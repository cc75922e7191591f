"""Write matrix products with a constant as the linear layers that they are: their weights belong to the path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from pathprint.models.operations import name_of

_ATEN = torch.ops.aten


def products_as_layers(graph: fx.Graph, image: fx.Node) -> None:
    """Replace ``x @ w``, ``b + x @ w`` and ``w @ x`` in ``graph``, where ``w`` does not depend on the ``image``.

    Of ``x`` any axes may come before the last one in ``x @ w``. In ``w @ x`` it is ``n c t``, and becomes a
    convolution of kernel size 1.
    """
    depending = {image}
    for node in tuple(graph.nodes):
        if depending.isdisjoint(node.all_input_nodes):
            continue
        replaced = _layer_of(_Writing(graph, node), frozenset(depending))
        if replaced is not None:
            node.replace_all_uses_with(replaced)
            graph.erase_node(node)
        depending.add(node if replaced is None else replaced)


class _Writing:
    """Writes calls before the product ``node``, in the name of its layer."""

    def __init__(self, graph: fx.Graph, node: fx.Node) -> None:
        self.graph, self.node = graph, node

    def layer(self, function: Any, *args: Any) -> fx.Node:
        """Write the layer that takes the product's place, with an output of the product's form."""
        # Not computed: torch 2.11 cannot compute a linear layer where the number of images is a symbol.
        return self._call(function, args, self.node.meta["val"])

    def constant(self, function: Any, weight: Any, *args: Any) -> fx.Node:
        """Write a change of form of a constant ``weight``."""
        return self._call(function, (weight, *args), function(weight.meta["val"], *args))

    def _call(self, function: Any, args: tuple[Any, ...], value: Any) -> fx.Node:
        with self.graph.inserting_before(self.node):
            made = self.graph.call_function(function, args)
        made.meta = {**self.node.meta, "val": value}
        return made


def _layer_of(writing: _Writing, depending: frozenset[fx.Node]) -> fx.Node | None:
    """Return the layer that was written for a product; None if it is none, or of another form."""
    operation, arguments = name_of(writing.node.target), writing.node.args
    if operation == "aten.addmm.default" and not writing.node.kwargs:
        return _biased(writing, arguments, depending)
    if operation not in {"aten.matmul.default", "aten.mm.default"}:
        return None
    first, second = arguments
    if second not in depending and _axes(second) == 2:
        return writing.layer(_ATEN.linear.default, first, writing.constant(_ATEN.permute.default, second, [1, 0]))
    if first not in depending and _axes(first) == 2 and _axes(second) == 3:
        return writing.layer(_ATEN.conv1d.default, second, writing.constant(_ATEN.unsqueeze.default, first, 2))
    return None


def _biased(writing: _Writing, arguments: Sequence[Any], depending: frozenset[fx.Node]) -> fx.Node | None:
    bias, x, weight = arguments
    outputs = weight.meta["val"].shape[1]
    if bias in depending or weight in depending or tuple(bias.meta["val"].shape) != (outputs,):
        return None
    return writing.layer(_ATEN.linear.default, x, writing.constant(_ATEN.permute.default, weight, [1, 0]), bias)


def _axes(node: Any) -> int:
    return int(node.meta["val"].dim())
