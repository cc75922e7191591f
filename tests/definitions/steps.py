"""The steps of the walk, and the operations as they ran from which the steps are made."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor, fx

from .geometry import FloatArray, IntArray

Rule = Literal["weighted", "share", "maximum", "element", "movement"]
Reads = Callable[[IntArray], IntArray]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the walk: the elements that its output units read, and how they are weighed.

    ``reads`` maps (m,) flat output units to (m, k) elements of the sources. Elements count on from
    1, source after source; 0 is none. ``weight`` (o, k) holds the coefficients; unit u has the
    coefficients and the bias of channel (u // inner) % o. ``winners`` is the arg-max element of
    every output unit of a max-pool. ``name`` and ``weight_shape`` belong to weighted layers.
    """

    node: fx.Node
    rule: Rule
    sources: tuple[fx.Node, ...]
    reads: Reads
    weight: FloatArray
    bias: FloatArray
    inner: int = 1
    winners: IntArray | None = None
    name: str = ""
    weight_shape: tuple[int, ...] = ()

    def channels(self, units: IntArray) -> IntArray:
        """Return the (m,) rows of ``weight`` that the (m,) units use."""
        return units // self.inner % len(self.weight)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation as it ran: ``node`` holds the output, ``producer`` is the operation itself.

    They differ where the operation returns several tensors and ``node`` picks one of them.
    ``arguments`` are named as in the operation's schema. ``active`` are the nodes that depend on
    the network's input; all others are constants. ``weight`` and ``bias`` are those after folding.
    """

    node: fx.Node
    producer: fx.Node
    arguments: Mapping[str, Any]
    values: Mapping[fx.Node, Any]
    active: frozenset[fx.Node]
    name: str = ""
    weight: Tensor | None = None
    bias: Tensor | None = None

    @property
    def source(self) -> fx.Node:
        """The node of the main operand."""
        found = [self.arguments[n] for n in ("mat1", "input", "self") if n in self.arguments]
        assert isinstance(found[0], fx.Node)
        return found[0]

    @property
    def out(self) -> tuple[int, ...]:
        """The shape of the output."""
        return self.shape(self.node)

    def shape(self, node: fx.Node) -> tuple[int, ...]:
        """Return the shape of a recorded tensor."""
        return tuple(self.values[node].shape)

    def size(self, node: fx.Node) -> int:
        """Return the number of elements of a recorded tensor."""
        return math.prod(self.shape(node))

    def step(self, rule: Rule, sources: tuple[fx.Node, ...], reads: Reads, **rest: Any) -> Step:
        """Return the step of this call; without ``weight`` all coefficients are 1."""
        plain: dict[str, Any] = {"weight": np.ones((1, 1)), "bias": np.zeros(1)}
        return Step(self.node, rule, sources, reads, name=self.name, **(plain | rest))
