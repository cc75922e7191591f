"""Capture a classifier as a graph of tensor operations and record the activations of one image."""

import copy
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.fx.node import map_arg

from .operations import BATCH_NORM, STEPS, identity, name_of
from .steps import Call, Step

SHAPE_ONLY = ("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full")
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


class UnsupportedOperationsError(ValueError):
    """The network has operations without a definition; the message lists every one."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One image's run of the canonical network (method, section 1).

    ``steps`` are in forward order and lead from ``source``, the image, to ``output``, the logits.
    ``values`` are the recorded activations.
    """

    steps: tuple[Step, ...]
    values: Mapping[fx.Node, Tensor]
    source: fx.Node
    output: fx.Node


@dataclass(frozen=True, slots=True)
class Run:
    """The graph with every value: ``parameters`` are the weight and bias after folding."""

    values: Mapping[fx.Node, Any]
    parameters: Mapping[fx.Node, tuple[Tensor, Tensor | None]]
    folds: Mapping[fx.Node, fx.Node]


def trace(module: nn.Module, x: Tensor) -> Trace:
    """Capture ``module`` and record its activations for the (c, h, w) network input ``x``."""
    module = copy.deepcopy(module).eval()
    with torch.no_grad():
        program = torch.export.export(module, (x[None],)).run_decompositions({})
        graph = program.graph_module.graph
        ran = run(graph, bindings(program, x[None]))
        output = next(iter(graph.output_node().all_input_nodes))
        # The promise of the method, section 1: the canonical network computes the same logits.
        torch.testing.assert_close(ran.values[output], module(x[None]), rtol=1e-4, atol=1e-4)
        (source,) = (node for node in graph.find_nodes(op="placeholder") if is_image(program, node))
        steps = make_steps(graph, ran, source, output)
    return Trace(steps, ran.values, source, output)


def is_image(program: ExportedProgram, node: fx.Node) -> bool:
    """Tell whether a placeholder of the program is the network's input."""
    return node.name in program.graph_signature.user_inputs


def bindings(program: ExportedProgram, x: Tensor) -> dict[str, Tensor]:
    """Return the tensor of every placeholder: parameters, buffers, constants and the input."""
    stored = {**program.constants, **program.state_dict}
    return {
        spec.arg.name: x if spec.target is None else stored[spec.target].detach()
        for spec in program.graph_signature.input_specs
    }


def arguments(node: fx.Node) -> dict[str, Any]:
    """Return the arguments of an operation by the names of its schema, defaults included."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema.arguments
    defaults = {argument.name: argument.default_value for argument in schema}
    names = [argument.name for argument in schema]
    return defaults | dict(zip(names, node.args, strict=False)) | node.kwargs


def run(graph: fx.Graph, bound: Mapping[str, Tensor]) -> Run:
    """Run the graph in float32 with BatchNorms folded, and keep every tensor."""
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
            values[node] = node.target(*args, **kwargs)
    return Run(values, parameters, folds)


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
    return scaled.float(), shift.float()


def make_steps(graph: fx.Graph, ran: Run, source: fx.Node, output: fx.Node) -> tuple[Step, ...]:
    """Make the step of every operation between input and output, or list the unsupported ones."""
    active = reached(source, value_users)
    wanted, steps, refused = {output}, list[Step](), list[str]()
    for node in reversed(graph.nodes):
        if node not in wanted & active - {source}:
            continue
        call = make_call(node, ran, active)
        make = identity if call.producer in ran.folds else STEPS.get(name_of(call.producer))
        step = make(call) if make and weights_are_constant(call) else None
        if step is None:
            refused.append(f"{call.name or node.name}: {call.producer.target}")
        else:
            steps.append(step)
        # A path goes on to what the step follows; an unknown operation might follow anything.
        wanted |= set(call.producer.all_input_nodes if step is None else step.sources)
    if refused:
        raise UnsupportedOperationsError("no definition for " + "; ".join(reversed(refused)))
    return named_apart(reversed(steps))


def value_users(node: fx.Node) -> list[fx.Node]:
    """Return the operations that use a tensor's values, not only its shape."""
    return [user for user in node.users if name_of(user) not in SHAPE_ONLY]


def reached(
    start: fx.Node,
    following: Callable[[fx.Node], Iterable[fx.Node]],
) -> frozenset[fx.Node]:
    """Return every node that can be reached from ``start``, itself included."""
    found, open_ends = {start}, [start]
    while open_ends:
        new = set(following(open_ends.pop())) - found
        found |= new
        open_ends += new
    return frozenset(found)


def make_call(node: fx.Node, ran: Run, active: frozenset[fx.Node]) -> Call:
    """Describe the operation behind ``node`` as it ran."""
    producer = node
    if node.target is operator.getitem:
        assert isinstance(node.args[0], fx.Node)
        producer = node.args[0]
    weight, bias = ran.parameters.get(producer, (None, None))
    stack = list((producer.meta.get("nn_module_stack") or {"": ("", "")}).values())
    named = {"name": stack[-1][0], "weight": weight, "bias": bias}
    return Call(node, producer, arguments(producer), ran.values, active, **named)


def weights_are_constant(call: Call) -> bool:
    """Tell whether a convolution or linear step has a weight that no activation takes part in."""
    parameters = [call.arguments.get(name) for name in ("weight", "bias", "mat2")]
    return not any(parameter in call.active for parameter in parameters)


def named_apart(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Name each further call of the same layer NAME@2, NAME@3 and so on."""
    calls: Counter[str] = Counter()
    named = []
    for step in steps:
        if step.rule == "weighted":
            step = replace(step, name=step.name or name_of(step.node))
            calls[step.name] += 1
            if calls[step.name] > 1:
                step = replace(step, name=f"{step.name}@{calls[step.name]}")
        named.append(step)
    return tuple(named)
