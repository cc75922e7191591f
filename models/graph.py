"""A canonical graph: tensor operations in order of execution, with their constants. Run it, or record its values.

The graph is plain data. It holds no state of a run, so any number of threads may run one graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from pathprint.models.operations import FRESH, IN_PLACE, WEIGHTED, in_place, resolve
from pathprint.models.steady import STEADY

INPUT = "input"
"""Name of the value that a run starts from: the network input, float32 ``n c h w``."""

Change = Callable[[Tensor, Mapping[str, Any]], Tensor]
"""Takes a node's value, and the values in memory (those that the node read among them); returns a new value for it."""
NO_CHANGES: Mapping[str, Change] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ref:
    """In a node's arguments, stands for the network input, the value of an earlier node, or a constant."""

    name: str


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        name: unique name of the value that it computes.
        operation: name in ``pathprint.models.operations``.
        args, kwargs: literals, ``Ref``\\ s, and lists of them.
        layer: qualified name of the source module. Weighted layers end in ``@2`` for its second call, and so on.
    """

    name: str
    operation: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    layer: str

    @cached_property
    def function(self) -> Callable[..., Any]:
        """What computes the value."""
        return STEADY.get(self.operation) or resolve(self.operation)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Names of every value and constant that the node reads, in argument order."""
        return tuple(ref.name for ref in _references((self.args, dict(self.kwargs))))


@dataclass(frozen=True, slots=True)
class _Overwriting:
    """The value ``read`` that a node may overwrite, and the in-place ``function`` that does."""

    read: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Graph:
    """Nodes in order of execution, the constants they read, the name of the logits, and one input's ``(c, h, w)``.

    Attributes:
        layout: memory layout that images are brought to before they are run on a CPU. Channels-last is twice as fast
            for depthwise layers, and path extraction reads the channels of a pixel together.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Tensor]
    output: str
    input_shape: tuple[int, ...]
    layout: torch.memory_format = torch.channels_last

    @cached_property
    def weighted(self) -> tuple[Node, ...]:
        """The convolutions and linear layers, in order of execution."""
        return tuple(node for node in self.nodes if node.operation in WEIGHTED)

    def run(self, x: Tensor) -> Tensor:
        """Return the logits ``n k`` of network inputs ``n c h w``."""
        return self.record(x, ())[self.output]

    def record(self, x: Tensor, keep: Iterable[str], changes: Mapping[str, Change] = NO_CHANGES) -> dict[str, Tensor]:
        """Run once on network inputs ``n c h w``; return the output and the values named in ``keep``, by name.

        Every other value is freed as soon as its last reader has run. A value named in ``changes`` is replaced by
        what its function returns before other nodes read it.
        """
        kept = {self.output, *keep}
        if x.dim() == 4 and x.device.type == "cpu":
            x = x.contiguous(memory_format=self.layout)
        values: dict[str, Any] = {INPUT: x}
        # Autograd may need a value that would be overwritten.
        overwriting = {} if torch.is_grad_enabled() else self._overwriting
        for node in self.nodes:
            overwritten = overwriting.get(node.name)
            if overwritten is not None and overwritten.read not in kept:
                values[node.name] = self._evaluate(node, overwritten.function, values)
            else:
                values[node.name] = self.evaluate(node, values)
            if node.name in changes:
                values[node.name] = changes[node.name](values[node.name], values)
            for name in self._last_reads[node.name]:
                if name not in kept:
                    del values[name]
        return {name: values[name] for name in kept}

    def evaluate(self, node: Node, values: Mapping[str, Any]) -> Any:
        """Return the value of ``node``; ``values`` has at least those that it reads, by name."""
        return self._evaluate(node, node.function, values)

    def _evaluate(self, node: Node, function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        args = [_substitute(item, values, self.constants) for item in node.args]
        kwargs = {key: _substitute(item, values, self.constants) for key, item in node.kwargs.items()}
        return function(*args, **kwargs)

    @cached_property
    def _overwriting(self) -> dict[str, _Overwriting]:
        """Nodes that may write to the memory of the value that they read: no other node reads it, nor a view of it."""
        return {
            node.name: _Overwriting(node.reads[0], in_place(node.operation))
            for node in self.nodes
            if node.operation in IN_PLACE
            and node.reads[0] in self.by_name
            and self.by_name[node.reads[0]].operation in FRESH
            and len(self.readers[node.reads[0]]) == 1
        }

    @cached_property
    def _last_reads(self) -> dict[str, tuple[str, ...]]:
        """Per node, the values that can be freed after it: no later node reads them."""
        last: dict[str, str] = {}
        for node in self.nodes:
            last |= dict.fromkeys((node.name, *(r for r in node.reads if r not in self.constants)), node.name)
        return {node.name: tuple(v for v, at in last.items() if at == node.name) for node in self.nodes}

    @cached_property
    def readers(self) -> dict[str, tuple[Node, ...]]:
        """Per value, the nodes that read it."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.reads):
                found.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """The node that computes each value."""
        return {node.name: node for node in self.nodes}

    @property
    def device(self) -> torch.device:
        """The device of the constants, where inputs have to be too; the CPU if there are no constants."""
        return next((value.device for value in self.constants.values()), torch.device("cpu"))

    def to(self, device: torch.device | str) -> Graph:
        """Return the same graph with its constants on ``device``."""
        if torch.device(device) == self.device:
            return self
        return replace(self, constants={name: value.to(device) for name, value in self.constants.items()})


def channels_last(value: Tensor) -> bool:
    """Say whether ``value`` is ``n c h w`` with the channels of a pixel side by side in memory."""
    return value.dim() == 4 and not value.is_contiguous() and value.is_contiguous(memory_format=torch.channels_last)


def _references(value: object) -> Iterable[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, Mapping):
        yield from _references(tuple(value.values()))


def _substitute(value: Any, values: Mapping[str, Any], constants: Mapping[str, Tensor]) -> Any:
    """Return ``value`` with every reference replaced by the value or constant that it names."""
    if isinstance(value, Ref):
        return values[value.name] if value.name in values else constants[value.name]
    if isinstance(value, (tuple, list)):  # a union takes longer to check, and this runs for every argument
        return type(value)(_substitute(item, values, constants) for item in value)
    return value
