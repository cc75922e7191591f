"""One small function per kind of operation: a graph node becomes geometry.

To add a kind: write its function, put it in the ``RULES`` table, add a case to
``tests/profiling/paths/networks.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

from pathprint.models import operations
from pathprint.models.graph import Node, Ref
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.context import EXAMPLES, Context
from pathprint.profiling.paths.geometry import (
    Attend,
    Axis,
    Geometry,
    Maximum,
    Mean,
    Movement,
    Same,
    Sum,
    Weighted,
    window_taps,
)
from pathprint.profiling.paths.path import LayerShape


def weighted(node: Node, context: Context) -> Geometry:
    """Convolution or linear: inputs times weights over the receptive field; bias is no contribution."""
    arguments: list[Any] = [*node.args, *([None] * (3 - len(node.args)))]
    x, weight_ref, bias_ref, *options = arguments
    weight = context.graph.constants[weight_ref.name]
    bias = None if bias_ref is None else context.graph.constants[bias_ref.name]
    shape, output = context.plain_shape(x.name, weight.dim() - 1), context.shape(node.name)
    layer = LayerShape(node.layer, output, tuple(weight.shape))
    if node.operation == "aten.linear.default":
        rows = prod(shape[:-1])
        own_row = torch.arange(rows, dtype=torch.int32)[:, None]
        return Weighted(layer, x.name, node.name, weight, bias, own_row, shape[-1], rows, 1, True)
    if len(shape) != weight.dim() - 1:
        raise PlanError(f"{node.layer}: images are merged with other axes before a convolution.")
    axes, groups = _conv_axes(options, shape[1:], output[1:], tuple(weight.shape[2:]))
    taps, positions = window_taps(axes), prod(shape[1:])
    return Weighted(layer, x.name, node.name, weight, bias, taps, shape[0], positions, groups, False)


def _conv_axes(
    options: list[Any], sizes: tuple[int, ...], outputs: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[tuple[Axis, ...], int]:
    defaults: list[Any] = [1, 0, 1, 1]
    strides, paddings, dilations, groups = [*options, *defaults[len(options) :]]
    stride, dilation = _per_axis(strides, len(sizes)), _per_axis(dilations, len(sizes))
    if isinstance(paddings, str):  # of an odd sum the framework puts the larger part behind
        same = paddings == "same"
        padding = [same * d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]
    else:
        padding = _per_axis(paddings, len(sizes))
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
    count = int(node.operation.split("pool")[1][0])
    shape, output = context.plain_shape(node.args[0].name, count), context.shape(node.name)
    values = [_per_axis(option, count) for option in options]
    axes = zip(shape[-count:], output[-count:], *values, strict=True)
    taps = window_taps(tuple(_axis(*axis) for axis in axes))
    return taps, prod(shape[:-count]), prod(shape[-count:])


def adaptive_average(node: Node, context: Context) -> Geometry:
    """Average-pool whose windows divide the input; they can differ in size and overlap."""
    x, sizes = node.args
    shape, output = context.plain_shape(x.name, len(sizes)), context.shape(node.name)
    return Mean(x.name, node.name, *_adaptive_pool(shape, output, len(sizes)))


def adaptive_maximum(pool: Node, picked: Node, context: Context) -> Geometry:
    """Max-pool with such windows."""
    x, sizes = pool.args
    shape, output = context.plain_shape(x.name, len(sizes)), context.shape(picked.name)
    return Maximum(x.name, picked.name, *_adaptive_pool(shape, output, len(sizes)))


def _adaptive_pool(shape: tuple[int, ...], output: tuple[int, ...], count: int) -> tuple[Tensor, int, int]:
    axes = tuple(_adaptive_axis(shape[a], output[a]) for a in range(-count, 0))
    return window_taps(axes), prod(shape[:-count]), prod(shape[-count:])


def _adaptive_axis(size: int, outputs: int) -> Axis:
    starts = tuple(o * size // outputs for o in range(outputs))
    ends = (-(-(o + 1) * size // outputs) for o in range(outputs))
    return Axis(size, starts, tuple(end - start for start, end in zip(starts, ends, strict=True)))


def mean(node: Node, context: Context) -> Geometry:
    """Mean over the last axes: one window with everything in it."""
    x, axes, *_ = node.args
    shape = context.shape(x.name)
    if not context.axes[x.name].is_first:
        raise PlanError(f"{node.layer or 'top level'}: a mean is not traced where the batch is not the first axis.")
    reduced = sorted(axis % (len(shape) + 1) for axis in axes)
    kept = len(shape) - len(reduced)
    if reduced != list(range(kept + 1, len(shape) + 1)):
        raise PlanError(f"{node.layer or 'top level'}: a mean over axes {axes} is not traced; only over the last axes.")
    window = tuple(Axis(size, (0,), (size,)) for size in shape[kept:])
    return Mean(x.name, node.name, window_taps(window), prod(shape[:kept]), prod(shape[kept:]))


def add(node: Node, context: Context) -> Geometry:
    """Two activations: both can carry the sum. An activation and a constant: the activation does."""
    names = context.following.of(node)
    operands = [a.name for a in node.args[:2] if isinstance(a, Ref) and a.name in names]
    if len(operands) == 1:
        return elementwise(node, context)
    sources = [_broadcast_source(name, node, context) for name in operands]
    sizes = [prod(context.shape(name)) for name in operands]
    alpha = float(node.kwargs.get("alpha", 1))
    scales = (1.0, -alpha if node.operation == "aten.sub.Tensor" else alpha)
    pair = operands[0], operands[1]
    return Sum(pair, node.name, scales, (sources[0], sources[1]), (sizes[0], sizes[1]))


def _broadcast_source(name: str, node: Node, context: Context) -> Tensor:
    spread = context.numbered(name).expand(context.values[node.name].shape)
    (source,) = _sources(node, context, (name,), spread.long()).sources
    return source


def elementwise(node: Node, context: Context) -> Geometry:
    """Elementwise function, monotone or affine per element, or product: the same element of what is followed."""
    names = context.following.of(node)
    if all(context.values[name].shape == context.values[node.name].shape for name in names):
        if any(context.axes[name] != context.axes[node.name] for name in names):
            raise PlanError(f"{node.layer or 'top level'}: {node.operation} mixes the images of a batch.")
        return Same(names, node.name, _rectifies(node))
    source = _broadcast_source(names[0], node, context)  # a constant has spread it
    return Movement(names, node.name, (source,), (prod(context.shape(names[0])),), pure=False)


_RECTIFIERS = {"aten.relu.default", "aten.relu6.default"}


def _rectifies(node: Node) -> bool:
    """Say whether an output that is not zero has a positive input."""
    return node.operation in _RECTIFIERS or (node.operation == "aten.hardtanh.default" and node.args[1:2] == (0.0,))


def attend(node: Node, context: Context) -> Geometry:
    """Attention: over the keys, weight times value; the weights are coefficients."""
    weights, values = (argument.name for argument in node.args)
    *batch, queries, keys = context.values[weights].shape
    same_axis = len({context.axes[name] for name in (weights, values, node.name)}) == 1
    if tuple(context.values[values].shape[:-1]) != (*batch, keys) or not same_axis:
        raise PlanError(f"{node.layer or 'top level'}: attention weights and values must have the same leading axes.")
    *rows, _, width = context.plain_shape(values, 2)
    return Attend(weights, values, node.name, prod(rows), queries, keys, width)


def pick(node: Node, context: Context) -> Geometry:
    """One output of several: of a max-pool the values, of data movement a part."""
    producer = context.graph.by_name[node.args[0].name]
    if producer.operation in operations.MAXIMUM_AND_INDEX and node.args[1] == 0:
        return adaptive_maximum(producer, node, context)
    if producer.operation not in operations.SPLITS:
        raise PlanError(f"{node.layer or 'top level'}: output {node.args[1]} of {producer.operation} is not traced.")
    return movement(node, context, producer)


def movement(node: Node, context: Context, producer: Node | None = None) -> Geometry:
    """Pure data movement, found by pushing element numbers through the operation itself.

    Every element of every input gets a number; run twice with an offset: what moves with the
    offset came from an input, what does not (padding) came from nowhere.
    """
    inputs = context.following.of(producer or node)
    ends, numbered = 0, {}
    for name in inputs:
        numbered[name] = context.numbered(name, ends)
        ends += numbered[name].numel()

    def pushed(by: int) -> Tensor:
        values = {**context.values, **{name: numbers + by for name, numbers in numbered.items()}}
        if producer is not None:
            values[producer.name] = context.graph.evaluate(producer, values)
        moved: Tensor = context.graph.evaluate(node, values)
        return moved

    moved, shifted = pushed(0), pushed(ends)
    return _sources(node, context, inputs, torch.where(shifted - moved == ends, moved, -1).long())


def _sources(node: Node, context: Context, inputs: tuple[str, ...], element: Tensor) -> Movement:
    """Split element numbers of the example batch into unit numbers per input; check the batch."""
    element = context.axes[node.name].images_first(element).reshape(EXAMPLES, -1)
    sources, start = [], 0
    for name in inputs:
        units = prod(context.shape(name))
        image, unit = (element - start) // units, (element - start) % units
        inside = (element >= start) & (element < start + EXAMPLES * units)
        expected = torch.arange(EXAMPLES).reshape(-1, 1)
        if not bool(((image == expected) | ~inside).all()):
            raise PlanError(f"{node.layer or 'top level'}: {node.operation} mixes the images of a batch.")
        sources.append(torch.where(inside, unit, -1)[0])
        start += EXAMPLES * units
    return Movement(inputs, node.name, tuple(sources), tuple(prod(context.shape(n)) for n in inputs))


Rule = Callable[[Node, Context], Geometry]

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(operations.WEIGHTED, weighted),
    **dict.fromkeys(operations.MAXIMUM, maximum),
    **{name: average for name in operations.MEAN if name.startswith("aten.avg_pool")},
    **{name: adaptive_average for name in operations.MEAN if name.startswith("aten.adaptive")},
    "aten.mean.dim": mean,
    **dict.fromkeys(operations.ADD, add),
    **dict.fromkeys(operations.ELEMENTWISE | operations.NORMALISATION | operations.MULTIPLY, elementwise),
    **dict.fromkeys(operations.ATTEND, attend),
    **dict.fromkeys(operations.MOVEMENT, movement),
    operations.PICK: pick,
}
