"""Dissolve the blocks of an exported program that only switch gradients or autocast, so that layers keep their names.

``torch.export`` makes a function of every such block (``with torch.no_grad():``), and forgets which modules its
operations belong to when it decomposes them.
"""

from __future__ import annotations

import operator
from typing import Any

from torch import fx

_SETTINGS = {"wrap_with_set_grad_enabled": 1, "wrap_with_autocast": 4}
"""By name of the operation that calls a block: how many of its arguments are settings, before the block."""


def inline_blocks(module: fx.GraphModule) -> None:
    """Put the operations of every block in place of the call of the block, in ``module`` itself."""
    for node in tuple(module.graph.nodes):
        settings = _SETTINGS.get(getattr(node.target, "__name__", "")) if node.op == "call_function" else None
        if settings is not None:
            _inline(module, node, settings)
    module.recompile()


def _inline(module: fx.GraphModule, call: fx.Node, settings: int) -> None:
    reference, *inputs = call.args[settings:]
    assert isinstance(reference, fx.Node)
    block = module.get_submodule(str(reference.target))
    assert isinstance(block, fx.GraphModule)
    inline_blocks(block)
    with module.graph.inserting_before(call):
        outputs = _copied(module, block, inputs)
    for pick in tuple(call.users):
        assert pick.target is operator.getitem
        pick.replace_all_uses_with(outputs[pick.args[1]])
        module.graph.erase_node(pick)
    module.graph.erase_node(call)


def _copied(module: fx.GraphModule, block: fx.GraphModule, inputs: list[Any]) -> Any:
    """Copy the operations of ``block`` into ``module``; return its outputs there."""
    places = [node for node in block.graph.nodes if node.op == "placeholder"]
    known: dict[fx.Node, Any] = dict(zip(places, inputs, strict=True))
    for node in block.graph.nodes:
        if node.op == "output":
            return fx.node.map_arg(node.args[0], known.__getitem__)
        if node.op != "placeholder":
            known[node] = module.graph.node_copy(node, known.__getitem__)
    raise AssertionError("a block has an output")
