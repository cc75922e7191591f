"""Dissolve the blocks of a serialised program that only switch gradients or autocast, as capture does for modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pathprint.models.exported.operations import our_name

Names = dict[str, str]
"""What the values of a graph are called where all blocks are dissolved."""
_SETTINGS = {"higher_order.wrap_with_set_grad_enabled": 1, "higher_order.wrap_with_autocast": 4}
"""By the operation that calls a block: how many of its arguments are settings, before the block."""
_NAMES = {"name", "as_name"}


def dissolved(nodes: list[Mapping[str, Any]], names: Names, prefix: str = "") -> Iterator[Mapping[str, Any]]:
    """Yield the operations of a graph, in the schema of ``torch.export``, with those of a block in place of its call.

    Args:
        names: those of the graph's inputs that are called otherwise; those of its results are added.
        prefix: put in front of the names of results.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the graph is malformed.
    """
    for node in nodes:
        settings = _SETTINGS.get(our_name(node["target"]))
        if settings is None:
            names |= {name: prefix + name for name in _named(node["outputs"])}
            yield {**node, "inputs": _renamed_inputs(node, names), "outputs": _renamed(node["outputs"], names)}
        else:
            yield from _of_block(node, settings, names, prefix)


def _of_block(call: Mapping[str, Any], settings: int, names: Names, prefix: str) -> Iterator[Mapping[str, Any]]:
    block, *given = (item["arg"] for item in call["inputs"][settings:])
    graph = block["as_graph"]["graph"]
    passed = [names.get(name, name) for name in _named(given)]
    inner = dict(zip(_named(graph["inputs"]), passed, strict=True))
    yield from dissolved(graph["nodes"], inner, f"{prefix}{block['as_graph']['name']}.")
    returned = [inner[name] for name in _named(graph["outputs"])]
    names |= dict(zip(_named(call["outputs"]), returned, strict=True))


def _named(values: Any) -> list[str]:
    """Return the names in serialised arguments or results, in order."""
    if isinstance(values, list):
        return [name for value in values for name in _named(value)]
    if not isinstance(values, dict):
        return []
    return [name for key, value in values.items() for name in ([value] if key in _NAMES else _named(value))]


def _renamed(value: Any, names: Names) -> Any:
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: names.get(item, item) if key in _NAMES else _renamed(item, names) for key, item in value.items()}


def _renamed_inputs(node: Mapping[str, Any], names: Names) -> list[dict[str, Any]]:
    return [{**item, "arg": _renamed(item["arg"], names)} for item in node["inputs"]]
