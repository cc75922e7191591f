"""Bring a raw graph into the canonical form that the extraction rules expect.

Operations that return their input are removed. Views become reshapes. A BatchNorm right after a convolution or linear
layer is folded into that layer; every other BatchNorm stays as an operation with one output. Values that nothing reads
are dropped. The logits stay the same, up to ``TOLERANCE``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from pathprint.models.capture.capture import BATCH_NORM
from pathprint.models.capture.endings import Ending
from pathprint.models.capture.float32 import Float32
from pathprint.models.capture.preparing import shown
from pathprint.models.capture.returned import logits_of
from pathprint.models.errors import CaptureError
from pathprint.models.graph import Graph, Node, Ref
from pathprint.models.operations import IDENTITIES, RESHAPE, VIEWS, WEIGHTED

TOLERANCE = 1e-4
"""Largest difference that canonising may cause in a logit: this much, plus this share of the logit."""
ADD_SECOND_LOGIT = "return torch.cat([-x, x], 1) / 2 in place of the logit x (n 1, before any sigmoid)"
"""How a module with one logit is made one with two; their softmax is the sigmoid of the one."""
_IMAGES = 3


def canonise(raw: Graph) -> Graph:
    """Return the canonical graph of ``raw``."""
    return drop_unread(fold_batch_norms(plain_batch_norms(views_as_reshapes(drop_identities(raw)))))


def check_same_logits(graph: Graph, module: nn.Module, ending: Ending) -> None:
    """Check that ``graph`` and ``module`` return the same logits for three random inputs.

    In float32 the last bits of a sum depend on its order. A deep network, or a BatchNorm that takes away nearly
    all, makes more of them than ``TOLERANCE``. So logits that differ in float32 are compared in float64.

    Args:
        ending: what the module does to the logits before it returns them.

    Raises:
        CaptureError: the graph does not return logits ``n k`` of two classes or more, they are not finite, or they
            differ from the module's by more than ``TOLERANCE``.
    """
    x = torch.rand(_IMAGES, *graph.input_shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), Float32():
        expected, found = logits_of(module(x)), graph.run(x)
    _check_classes(tuple(found.shape))
    returned = ending(found)
    if not bool(returned.isfinite().all()):
        raise CaptureError(
            f"the network returns {_first_odd(returned)} for an ordinary image; {_odd_constants(graph)}."
        )
    if not _close(returned, expected) and not _close_in_float64(graph, module, ending, x.double()):
        worst = float((returned - expected).abs().max())
        raise CaptureError(
            f"the captured logits differ from the module's by {worst:.2g}; {TOLERANCE} is allowed. "
            "The answer must depend on the image alone, not on chance, on the other images or on earlier calls."
        )


def _close(found: Tensor, expected: Tensor) -> bool:
    return torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


def _close_in_float64(graph: Graph, module: nn.Module, ending: Ending, x: Tensor) -> bool:
    constants = {
        name: value.double() if value.is_floating_point() else value for name, value in graph.constants.items()
    }
    with torch.inference_mode():
        try:
            expected = logits_of(copy.deepcopy(module).double()(x))
        except RuntimeError:  # it keeps tensors where ``double`` does not find them
            return False
        return _close(ending(replace(graph, constants=constants).run(x)), expected)


def _check_classes(shape: tuple[int, ...]) -> None:
    """Refuse logits ``shape`` of ``_IMAGES`` images that are not ``n k`` with two classes or more."""
    if shape in {(_IMAGES,), (_IMAGES, 1)}:
        raise CaptureError(
            "the network returns one logit per image; it must return one for each of at least two classes. "
            f"If its sign decides between two classes, {ADD_SECOND_LOGIT}."
        )
    if len(shape) != 2 or shape[1] == 0:
        raise CaptureError(
            f"the network returns shape {shape}; it must return logits n k: for each of n images one per class."
        )


def _first_odd(values: Tensor) -> str:
    return str(float(values[~values.isfinite()][0]))


def _odd_constants(graph: Graph) -> str:
    """Say which parameters are no finite numbers."""
    odd = [name for name, value in graph.constants.items() if not bool(value.isfinite().all())]
    return f"its parameters {shown(odd)} are not finite" if odd else "its parameters are finite, but too large"


def drop_identities(graph: Graph) -> Graph:
    """Remove the operations in ``IDENTITIES``, which return their first argument."""
    same = {node.name: node.args[0].name for node in graph.nodes if node.operation in IDENTITIES}
    kept = tuple(node for node in graph.nodes if node.name not in same)
    return _rename(replace(graph, nodes=kept), same)


def views_as_reshapes(graph: Graph) -> Graph:
    """Replace views by reshapes: a view needs a certain memory layout, which the removed copies no longer provide."""
    nodes = (replace(n, operation=RESHAPE) if n.operation in VIEWS else n for n in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def plain_batch_norms(graph: Graph) -> Graph:
    """Replace each exported BatchNorm (three outputs) and the ``getitem`` that reads it by one with a single output."""
    outputs: dict[str, str] = {}
    nodes: list[Node] = []
    norms = {node.name for node in graph.nodes if node.operation == BATCH_NORM}
    for node in graph.nodes:
        if node.operation == BATCH_NORM:
            x, weight, bias, mean, variance, momentum, epsilon = node.args
            args = (x, weight, bias, mean, variance, False, momentum, epsilon, False)
            nodes.append(replace(node, operation="aten.batch_norm.default", args=args))
        elif node.operation == "operator.getitem" and node.args[0].name in norms:
            outputs[node.name] = node.args[0].name
        else:
            nodes.append(node)
    return _rename(replace(graph, nodes=tuple(nodes)), outputs)


def fold_batch_norms(graph: Graph) -> Graph:
    """Fold each BatchNorm that is the only reader of a weighted layer into that layer."""
    constants = dict(graph.constants)
    folded: dict[str, Node] = {}
    same: dict[str, str] = {}
    for norm in graph.nodes:
        layer = _foldable(graph, norm)
        if layer is not None:
            folded[layer.name] = _fold(layer, norm, constants)
            same[norm.name] = layer.name
    kept = tuple(folded.get(node.name, node) for node in graph.nodes if node.name not in same)
    return _rename(replace(graph, nodes=kept, constants=constants), same)


def drop_unread(graph: Graph) -> Graph:
    """Remove nodes whose values nothing reads, and the constants that go with them."""
    wanted = {graph.output}
    for node in reversed(graph.nodes):
        if node.name in wanted:
            wanted |= set(node.reads)
    nodes = tuple(node for node in graph.nodes if node.name in wanted)
    constants = {name: value for name, value in graph.constants.items() if name in wanted}
    return replace(graph, nodes=nodes, constants=constants)


def _foldable(graph: Graph, norm: Node) -> Node | None:
    """Return the weighted layer that ``norm`` can be folded into: only ``norm`` reads it. None if there is none."""
    if norm.operation != "aten.batch_norm.default" or norm.args[0].name not in graph.by_name:
        return None
    layer = graph.by_name[norm.args[0].name]
    only_reader = len(graph.readers[layer.name]) == 1 and layer.name != graph.output
    # BatchNorm scales axis 1; a linear layer's features are there only for inputs n f.
    return layer if layer.operation in WEIGHTED and only_reader and _features_on_axis_1(layer, graph) else None


def _features_on_axis_1(layer: Node, graph: Graph) -> bool:
    if layer.operation != "aten.linear.default":
        return True
    with torch.inference_mode():
        kept = graph.record(torch.zeros(2, *graph.input_shape), (layer.name,))
    return kept[layer.name].dim() == 2


def _fold(layer: Node, norm: Node, constants: dict[str, Tensor]) -> Node:
    """Return ``layer`` with the scale and shift of ``norm`` folded into its weight and bias.

    The new weight and bias are added to ``constants``: computed in float64, stored in float32.
    """
    arguments = [*layer.args, *([None] * (3 - len(layer.args)))]
    x, weight_ref, bias_ref, *rest = arguments
    weight = constants[weight_ref.name].double()
    bias = constants[bias_ref.name].double() if bias_ref is not None else weight.new_zeros(weight.shape[0])
    scale, shift = _scale_and_shift(norm, constants)
    names = (f"{layer.layer}.folded_weight", f"{layer.layer}.folded_bias")
    constants[names[0]] = (weight * scale.reshape(-1, *[1] * (weight.dim() - 1))).float()
    constants[names[1]] = (bias * scale + shift).float()
    return replace(layer, args=(x, Ref(names[0]), Ref(names[1]), *rest))


def _scale_and_shift(norm: Node, constants: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    _, weight_ref, bias_ref, mean_ref, variance_ref, _, _, epsilon, _ = norm.args
    mean, variance = constants[mean_ref.name].double(), constants[variance_ref.name].double()
    scale = (variance + epsilon).rsqrt()
    if weight_ref is not None:
        scale = scale * constants[weight_ref.name].double()
    shift = -mean * scale
    return scale, shift if bias_ref is None else shift + constants[bias_ref.name].double()


def _rename(graph: Graph, same: Mapping[str, str]) -> Graph:
    """Let every reference to a removed value (a key of ``same``) point to the value that equals it."""

    def final(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    def renamed(value: Any) -> Any:
        if isinstance(value, Ref):
            return Ref(final(value.name))
        if isinstance(value, tuple | list):
            return type(value)(renamed(item) for item in value)
        return value

    nodes = tuple(
        replace(n, args=renamed(n.args), kwargs={k: renamed(v) for k, v in n.kwargs.items()}) for n in graph.nodes
    )
    return replace(graph, nodes=nodes, output=final(graph.output))
