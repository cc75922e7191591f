"""Capture a classifier as a graph of tensor operations and record the activations of one image."""

import copy
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from .float64 import assert_same_function
from .operations import STEPS, identity, name_of
from .running import Run, arguments, run
from .steps import Call, Step

SHAPE_ONLY = ("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full")


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
class Exported:
    """A classifier as a module and as a graph of tensor operations, for inputs of one shape.

    Exporting takes far longer than running, so one graph serves all images of a test.
    """

    module: nn.Module
    program: ExportedProgram


def exported(module: nn.Module, x: Tensor) -> Exported:
    """Export a copy of ``module`` in evaluation mode, for network inputs of the shape of ``x``, (c, h, w)."""
    module = copy.deepcopy(module).eval()
    with torch.no_grad():
        return Exported(module, torch.export.export(module, (x[None],)).run_decompositions({}))


def trace(module: nn.Module | Exported, x: Tensor, recorded: Mapping[str, Tensor] = MappingProxyType({})) -> Trace:
    """Capture ``module`` and record its activations for the (c, h, w) network input ``x``.

    Args:
        module: the classifier, exported already or not.
        x: the network input.
        recorded: outputs of weighted layers that another implementation computed for ``x``, by
            layer, in any shape. The run goes on with each of them after checking it,
            so that both implementations decide on one set of activations.
    """
    captured = module if isinstance(module, Exported) else exported(module, x)
    program = captured.program
    with torch.no_grad():
        graph, bound = program.graph_module.graph, bindings(program, x[None])
        output = next(iter(graph.output_node().all_input_nodes))
        # The promise of the method, section 1: the canonical network computes the same logits.
        assert_same_function(canonical_logits(program), captured.module, x[None], tolerance=1e-9)
        (source,) = (node for node in graph.find_nodes(op="placeholder") if is_image(program, node))
        ran = run(graph, bound)
        steps = make_steps(graph, ran, source, output)
        if recorded:
            layers = [step for step in steps if step.rule == "weighted"]
            ran = run(graph, bound, {step.node: recorded[step.name] for step in layers})
            steps = make_steps(graph, ran, source, output)
    return Trace(steps, ran.values, source, output)


def canonical_logits(program: ExportedProgram) -> Callable[[Tensor], Tensor]:
    """Return the canonical network as a function."""
    graph = program.graph_module.graph
    output = next(iter(graph.output_node().all_input_nodes))
    return lambda x: run(graph, bindings(program, x)).values[output]


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
            step = replace(step, name=step.name or name_of(step.node).replace("addmm", "linear"))
            calls[step.name] += 1
            if calls[step.name] > 1:
                step = replace(step, name=f"{step.name}@{calls[step.name]}")
        named.append(step)
    return tuple(named)
