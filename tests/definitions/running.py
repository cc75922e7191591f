"""Run a captured graph with BatchNorms folded, and check what another implementation computed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg
from torch.utils._pytree import tree_map

from .float64 import Float64
from .operations import BATCH_NORM, factor, name_of

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


@dataclass(frozen=True, slots=True)
class Run:
    """The graph with every value: ``parameters`` are the weight and bias after folding."""

    values: Mapping[fx.Node, Any]
    parameters: Mapping[fx.Node, tuple[Tensor, Tensor | None]]
    folds: Mapping[fx.Node, fx.Node]


def arguments(node: fx.Node) -> dict[str, Any]:
    """Return the arguments of an operation by the names of its schema, defaults included."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema.arguments
    defaults = {argument.name: argument.default_value for argument in schema}
    names = [argument.name for argument in schema]
    return defaults | dict(zip(names, node.args, strict=False)) | node.kwargs


def run(
    graph: fx.Graph,
    bound: Mapping[str, Tensor],
    recorded: Mapping[fx.Node, Tensor] = MappingProxyType({}),
) -> Run:
    """Run the graph with BatchNorms folded, and keep every tensor.

    Args:
        graph: the operations.
        bound: the tensor of every placeholder.
        recorded: outputs of weighted layers to go on with, once they are checked.
    """
    folds = foldable(graph)
    values: dict[fx.Node, Any] = {}
    parameters: dict[fx.Node, tuple[Tensor, Tensor | None]] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            values[node] = bound.get(node.name)
        elif node in folds:  # its work was done by the layer before
            values[node] = (values[folds[node]],)
        elif node.op == "call_function":
            args, kwargs = map_arg((node.args, node.kwargs), values.__getitem__)
            if name_of(node) in (*CONVOLUTIONS, "linear"):
                norm = next((n for n, layer in folds.items() if layer is node), None)
                parameters[node] = fold(args[1], args[2] if len(args) > 2 else None, norm, values)
                args = (args[0], *parameters[node], *args[3:])
            elif name_of(node) == "addmm":
                parameters[node] = args[2].T, args[0]
            elif (weight := factor(node, values)) is not None:
                parameters[node] = weight, None
            values[node] = node.target(*args, **kwargs)
            if node in recorded:
                layer, width = partial(node.target, **kwargs), fan_in(parameters[node][0])
                check_recorded(recorded[node].reshape(values[node].shape), layer, args, width)
                # Copied, for the memory layout that the following views were made for.
                values[node].copy_(recorded[node].reshape(values[node].shape))
    return Run(values, parameters, folds)


def fan_in(weight: Tensor) -> int:
    """Return how many contributions a unit of a weighted layer receives, padding included."""
    return weight[0].numel()


def check_recorded(recorded: Tensor, layer: Callable[..., Tensor], args: Sequence[Any], contributions: int) -> None:
    """Assert that a layer's recorded output is what the layer makes of ``args``, up to rounding.

    A float32 sum of k products and a bias, added in any order, is at most (k + 2)*u/(1 - (k + 2)*u)
    of the sum of their sizes away from the exact one, with u = 2**-24 (Higham, Accuracy and
    Stability of Numerical Algorithms, section 3.1). The 2 are for the roundings of a folded weight
    and of the bias. A bias that is folded is a difference, whose terms may be as large as the
    layer's outputs: they are rounded twice, too.
    """
    with Float64():
        exact, gross = layer(*args), layer(*tree_map(size_of, args))
    u = (contributions + 2) * 2.0**-24
    allowed = u / (1 - u) * gross + 2 * 2.0**-23 * exact.abs().max()
    excess = float(((recorded.double() - exact).abs() - allowed).max())
    assert excess <= 0, f"a recorded output is {excess:.2g} outside its bound"


def size_of(value: Any) -> Any:
    """Return the sizes of a tensor's elements, and anything else as it is."""
    return value.abs() if isinstance(value, Tensor) else value


def foldable(graph: fx.Graph) -> dict[fx.Node, fx.Node]:
    """Return the layer of every BatchNorm that is the only consumer of that layer's output."""
    found = {}
    for norm in graph.nodes:
        if name_of(norm) != BATCH_NORM:
            continue
        layer = norm.args[0]
        # After a linear layer with more axes, axis 1 is not the axis of its outputs.
        is_linear = name_of(layer) == "linear" and layer.meta["val"].ndim == 2
        fits = is_linear or name_of(layer) in CONVOLUTIONS
        if fits and len(layer.users) == 1:
            found[norm] = layer
    return found


def fold(
    weight: Tensor, bias: Tensor | None, norm: fx.Node | None, values: Mapping[fx.Node, Any]
) -> tuple[Tensor, Tensor | None]:
    """Return weight and bias with the scale and shift of a BatchNorm, computed in float64."""
    if norm is None:
        return weight, bias
    stated = arguments(norm)
    mean, variance = (values[stated[name]].double() for name in ("running_mean", "running_var"))
    given = ((stated["weight"], 1.0), (stated["bias"], 0.0))
    gamma, beta = (values[node].double() if node else plain for node, plain in given)
    scale = gamma / (variance + stated["eps"]).sqrt()
    shift = beta + ((0.0 if bias is None else bias.double()) - mean) * scale
    scaled = weight.double() * scale.reshape(-1, *[1] * (weight.ndim - 1))
    return scaled.to(weight.dtype), shift.to(weight.dtype)
