"""One small function per kind of operation: a graph node becomes geometry.

To add a kind: write its function, put it in the ``RULES`` table, add a case to
``tests/profiling/paths/test_rules.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from models import operations
from models.graph import INPUT, Graph, Node, Ref
from profiling.errors import PlanError
from profiling.paths.geometry import Axis, Geometry, Maximum, Mean, Movement, Same, Sum, Weighted, window_taps
from profiling.paths.path import LayerShape


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may look at: the graph, and the value of every node on an example batch of two."""

    graph: Graph
    values: Mapping[str, Any]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an activation without its batch axis.

        Raises:
            PlanError: the batch is not the first axis.
        """
        value = self.values[name]
        if value.dim() == 0 or value.shape[0] != _EXAMPLES:
            raise PlanError(f"{name} has shape {tuple(value.shape)} for a batch of {_EXAMPLES}; batch must come first.")
        return tuple(value.shape[1:])


_EXAMPLES = 2


def example_values(graph: Graph) -> Context:
    """Run ``graph`` on an example batch of two and return what rules need to know."""
    x = torch.zeros(_EXAMPLES, *graph.input_shape)
    with torch.inference_mode():
        values = graph.record(x, [INPUT, *(node.name for node in graph.nodes)])
    return Context(graph, values)


def weighted(node: Node, context: Context) -> Geometry:
    """Convolution or linear: inputs times weights over the receptive field; bias is no contribution."""
    arguments: list[Any] = [*node.args, *([None] * (3 - len(node.args)))]
    x, weight_ref, bias_ref, *options = arguments
    weight = context.graph.constants[weight_ref.name]
    bias = None if bias_ref is None else context.graph.constants[bias_ref.name]
    shape, output = context.shape(x.name), context.shape(node.name)
    layer = LayerShape(node.layer, output, tuple(weight.shape))
    if node.operation == "aten.linear.default":
        rows = prod(shape[:-1])
        own_row = torch.arange(rows, dtype=torch.int32)[:, None]
        return Weighted(layer, x.name, node.name, weight, bias, own_row, shape[-1], rows, 1, True)
    axes, groups = _conv_axes(options, shape[1:], output[1:], tuple(weight.shape[2:]))
    taps, positions = window_taps(axes), prod(shape[1:])
    return Weighted(layer, x.name, node.name, weight, bias, taps, shape[0], positions, groups, False)


def _conv_axes(
    options: list[Any], sizes: tuple[int, ...], outputs: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[tuple[Axis, ...], int]:
    defaults: list[Any] = [1, 0, 1, 1]
    *per_axis, groups = [*options, *defaults[len(options) :]]
    stride, padding, dilation = (_per_axis(value, len(sizes)) for value in per_axis)
    axes = zip(sizes, outputs, kernel, stride, padding, dilation, strict=True)
    return tuple(_axis(*axis) for axis in axes), int(groups)


def _axis(size: int, outputs: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> Axis:
    return Axis(size, tuple(o * stride - padding for o in range(outputs)), (kernel,) * outputs, dilation)


def _per_axis(value: Any, axes: int) -> list[int]:
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values * axes if len(values) == 1 else values


def maximum(node: Node, context: Context) -> Geometry:
    """Max-pool: the framework's own choice, the first largest of each window."""
    x, kernel, *rest = node.args
    defaults: list[Any] = [[], 0, 1]
    stride, padding, dilation = [*rest, *defaults[len(rest) :]][:3]
    return Maximum(x.name, node.name, *_pool(node, context, (kernel, stride or kernel, padding, dilation)))


def average(node: Node, context: Context) -> Geometry:
    """Average-pool with a fixed window; the inputs of the window are the contributions."""
    x, kernel, *rest = node.args
    defaults: list[Any] = [[], 0]
    stride, padding = [*rest, *defaults[len(rest) :]][:2]
    return Mean(x.name, node.name, *_pool(node, context, (kernel, stride or kernel, padding, 1)))


def _pool(node: Node, context: Context, options: tuple[Any, Any, Any, Any]) -> tuple[Tensor, int, int]:
    """Return taps, rows and positions of a pool with (kernel, stride, padding, dilation)."""
    shape, output = context.shape(node.args[0].name), context.shape(node.name)
    count = int(node.operation.split("pool")[1][0])
    values = [_per_axis(option, count) for option in options]
    axes = zip(shape[-count:], output[-count:], *values, strict=True)
    taps = window_taps(tuple(_axis(*axis) for axis in axes))
    return taps, prod(shape[:-count]), prod(shape[-count:])


def adaptive_average(node: Node, context: Context) -> Geometry:
    """Average-pool whose windows divide the input; they can differ in size and overlap."""
    x, sizes = node.args
    shape, output = context.shape(x.name), context.shape(node.name)
    axes = tuple(_adaptive_axis(shape[a], output[a]) for a in range(-len(sizes), 0))
    rows, positions = prod(shape[: -len(sizes)]), prod(shape[-len(sizes) :])
    return Mean(x.name, node.name, window_taps(axes), rows, positions)


def _adaptive_axis(size: int, outputs: int) -> Axis:
    starts = tuple(o * size // outputs for o in range(outputs))
    ends = (-(-(o + 1) * size // outputs) for o in range(outputs))
    return Axis(size, starts, tuple(end - start for start, end in zip(starts, ends, strict=True)))


def mean(node: Node, context: Context) -> Geometry:
    """Mean over the last axes: one window with everything in it."""
    x, axes, *_ = node.args
    shape = context.shape(x.name)
    reduced = sorted(axis % (len(shape) + 1) for axis in axes)
    kept = len(shape) - len(reduced)
    if reduced != list(range(kept + 1, len(shape) + 1)):
        raise PlanError(f"{node.layer or 'top level'}: a mean over axes {axes} is not traced; only over the last axes.")
    window = tuple(Axis(size, (0,), (size,)) for size in shape[kept:])
    return Mean(x.name, node.name, window_taps(window), prod(shape[:kept]), prod(shape[kept:]))


def add(node: Node, context: Context) -> Geometry:
    """Two activations: both can carry the sum. An activation and a constant: the activation does."""
    first, second = node.args[:2]
    activations = [a for a in (first, second) if _is_activation(a, context)]
    if len(activations) == 1:
        return Same(activations[0].name, node.name)
    sources = tuple(_broadcast_source(context.shape(a.name), context.shape(node.name)) for a in (first, second))
    sizes = tuple(prod(context.shape(a.name)) for a in (first, second))
    scales = (1.0, float(node.kwargs.get("alpha", 1)))
    return Sum((first.name, second.name), node.name, scales, (sources[0], sources[1]), (sizes[0], sizes[1]))


def _is_activation(argument: Any, context: Context) -> bool:
    return isinstance(argument, Ref) and argument.name not in context.graph.constants


def _broadcast_source(shape: tuple[int, ...], output: tuple[int, ...]) -> Tensor:
    return torch.arange(prod(shape)).reshape(shape).expand(output).reshape(-1)


_RECTIFIERS = {"aten.relu.default", "aten.relu6.default"}


def same(node: Node, context: Context) -> Geometry:
    """Elementwise function of one activation, monotone or affine per element."""
    rectifies = node.operation in _RECTIFIERS or (
        node.operation == "aten.hardtanh.default" and node.args[1:2] == (0.0,)
    )
    return Same(node.args[0].name, node.name, rectifies)


def movement(node: Node, context: Context) -> Geometry:
    """Pure data movement, found by pushing element numbers through the operation itself.

    Every element of every input gets a number; run twice with an offset: what moves with the
    offset came from an input, what does not (padding) came from nowhere.
    """
    inputs = tuple(dict.fromkeys(name for name in node.reads if _moves(name, context)))
    ends, numbered = 0, {}
    for name in inputs:
        shape = context.shape(name)
        count = _EXAMPLES * prod(shape)
        numbered[name] = torch.arange(ends, ends + count, dtype=torch.float64).reshape(_EXAMPLES, *shape)
        ends += count
    moved, shifted = (_push(node, context, {n: v + by for n, v in numbered.items()}) for by in (0, ends))
    element = torch.where(shifted - moved == ends, moved, -1).long().reshape(_EXAMPLES, -1)
    return _sources(node, context, inputs, element)


def _moves(name: str, context: Context) -> bool:
    return isinstance(context.values.get(name), Tensor) and name not in context.graph.constants


def _push(node: Node, context: Context, values: Mapping[str, Tensor]) -> Tensor:
    pushed: Tensor = context.graph.evaluate(node, {**context.values, **values})
    return pushed


def _sources(node: Node, context: Context, inputs: tuple[str, ...], element: Tensor) -> Movement:
    """Split element numbers of the example batch into unit numbers per input; check the batch."""
    sources, start = [], 0
    for name in inputs:
        units = prod(context.shape(name))
        image, unit = (element - start) // units, (element - start) % units
        inside = (element >= start) & (element < start + _EXAMPLES * units)
        expected = torch.arange(_EXAMPLES).reshape(-1, 1)
        if not bool(((image == expected) | ~inside).all()):
            raise PlanError(f"{node.layer or 'top level'}: {node.operation} mixes the images of a batch.")
        sources.append(torch.where(inside, unit, -1)[0])
        start += _EXAMPLES * units
    return Movement(inputs, node.name, tuple(sources), tuple(prod(context.shape(n)) for n in inputs))


Rule = Callable[[Node, Context], Geometry]

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(operations.WEIGHTED, weighted),
    **dict.fromkeys(operations.MAXIMUM, maximum),
    **{name: average for name in operations.MEAN if name.startswith("aten.avg_pool")},
    **{name: adaptive_average for name in operations.MEAN if name.startswith("aten.adaptive")},
    "aten.mean.dim": mean,
    **dict.fromkeys(operations.ADD, add),
    **dict.fromkeys(operations.ELEMENTWISE | operations.NORMALISATION, same),
    **dict.fromkeys(operations.MOVEMENT, movement),
}
