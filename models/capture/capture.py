"""Turn a PyTorch module into a raw graph: functional operations, each with the name of its layer.

Why ``torch.export`` and not hooks: docs/decisions/005-graph-of-operations.md.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export
from torch.export.graph_signature import InputKind
from torch.utils._pytree import tree_unflatten

from pathprint.models.capture.constants import fold_constants
from pathprint.models.capture.decompositions import DECOMPOSITIONS
from pathprint.models.capture.endings import Exported, without_softmax
from pathprint.models.capture.float32 import Float32
from pathprint.models.capture.inlining import inline_blocks
from pathprint.models.capture.passable import Following
from pathprint.models.capture.products import products_as_layers
from pathprint.models.capture.returned import logits_of
from pathprint.models.errors import CaptureError, UnsupportedOperationError
from pathprint.models.graph import INPUT, Graph, Node, Ref
from pathprint.models.operations import ALLOWED, ASSERTIONS, IDENTITIES, VIEWS, WEIGHTED, name_of

BATCH_NORM = "aten._native_batch_norm_legit_no_training.default"
_ACCEPTED = ALLOWED | IDENTITIES | VIEWS | {BATCH_NORM}
_EXAMPLES = 2  # torch.export specialises a batch of one, so the example has two images


def export_graph(module: nn.Module, input_shape: tuple[int, ...]) -> Exported:
    """Return the raw graph of a ``module`` from ``ready_copy``, for inputs of ``input_shape`` ``(c, h, w)``.

    The module's own final softmax, if it has one, is no part of the graph.

    Raises:
        CaptureError: the module cannot be exported, or does not return one tensor of logits.
        UnsupportedOperationError: it uses operations that are not allowed; the error lists all of them.
    """
    example = torch.zeros(_EXAMPLES, *input_shape)
    try:
        with Float32():
            program = export(module, (example,), dynamic_shapes=({0: Dim("n", min=1)},))
        inline_blocks(program.graph_module)
        functional = program.run_decompositions(DECOMPOSITIONS)
    except (Exception, SystemExit) as error:  # torch.export raises dozens of unrelated types, and a module any
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CaptureError(
            f"{type(module).__name__} cannot be exported for inputs {input_shape}: {reason[0]}. "
            "It must map one tensor n c h w to logits n k, for any n. If its images have another shape, declare it: "
            "`size`, and one number per channel in `mean` and `std` (0 and 1 for grey)."
        ) from error
    return _exported(functional, input_shape)


def _exported(functional: ExportedProgram, input_shape: tuple[int, ...]) -> Exported:
    """Return the raw graph of a program of functional operations, and what the program returns of its logits.

    Raises:
        CaptureError: the program does not return one tensor of logits.
        UnsupportedOperationError: it uses operations that are not allowed; the error lists all of them.
    """
    constants = _constants(functional)
    names = _value_names(functional)
    products_as_layers(functional.graph, next(node for node in functional.graph.nodes if names.get(node.name) == INPUT))
    folded = fold_constants(functional.graph, {ours: constants[name] for ours, name in names.items() if name != INPUT})
    functions = [n for n in functional.graph.nodes if n.op == "call_function" and name_of(n.target) not in ASSERTIONS]
    calls = [n for n in functions if n.name not in folded]
    kept = {name for node in calls for name in (source.name for source in node.all_input_nodes) if name in folded}
    names |= {name: f"{name}.folded" for name in kept}
    constants |= {names[name]: folded[name] for name in kept}
    layers = _LayerNames()
    nodes = tuple(
        Node(
            name=node.name,
            operation=name_of(node.target),
            args=_literal(node.args, names),
            kwargs=_literal(node.kwargs, names),
            layer=layers.of(node),
        )
        for node in calls
    )
    shapes = _shapes(functional, names)
    exported = without_softmax(Graph(nodes, constants, _output(functional, names), input_shape), shapes)
    _refuse_unsupported(exported.graph, shapes)
    return exported


def _refuse_unsupported(graph: Graph, shapes: dict[str, tuple[str, ...]]) -> None:
    impassable = {node.name for node in Following(graph, shapes).unsupported}
    refused = [node for node in graph.nodes if node.operation not in _ACCEPTED or node.name in impassable]
    if refused:
        raise UnsupportedOperationError((node.operation, node.layer) for node in refused)


def _shapes(program: ExportedProgram, names: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the shape of every tensor by name; sizes are text, as some are formulas in the batch size."""
    examples = {names.get(node.name, node.name): node.meta.get("val") for node in program.graph.nodes}
    return {name: tuple(map(str, x.shape)) for name, x in examples.items() if isinstance(x, Tensor)}


def _constants(program: ExportedProgram) -> dict[str, Tensor]:
    """Return every parameter, buffer and literal tensor under its qualified name."""
    held = {**program.state_dict, **program.constants}
    return {
        spec.target: held[spec.target].detach().clone().contiguous()
        for spec in program.graph_signature.input_specs
        if spec.kind is not InputKind.USER_INPUT and spec.target is not None
    }


def _value_names(program: ExportedProgram) -> dict[str, str]:
    """Map each placeholder of the export to our name of its value: ``INPUT``, or the name of a constant."""
    names: dict[str, str] = {}
    for spec in program.graph_signature.input_specs:
        is_input = spec.kind is InputKind.USER_INPUT
        names[getattr(spec.arg, "name", "")] = INPUT if is_input else str(spec.target)
    return names


def _output(program: ExportedProgram, names: dict[str, str]) -> str:
    (returned,) = next(node for node in program.graph.nodes if node.op == "output").args
    logits = logits_of(tree_unflatten(returned, program.call_spec.out_spec))
    if not isinstance(logits, torch.fx.Node):
        raise CaptureError(
            f"the network returns {len(returned)} values; it must return the logits n k alone, "
            "or an object whose attribute `logits` holds them."
        )
    return str(names.get(logits.name, logits.name))


def _literal(value: Any, names: dict[str, str]) -> Any:
    """Return an fx argument as plain data, with a ``Ref`` in place of each fx node."""
    if isinstance(value, torch.fx.Node):
        return Ref(names.get(value.name, value.name))
    if isinstance(value, tuple | list):
        return type(value)(_literal(item, names) for item in value)
    if isinstance(value, dict):
        return {key: _literal(item, names) for key, item in value.items()}
    return value


def _module_name(node: torch.fx.Node) -> str:
    """Return the qualified name of the innermost module that made the call; empty at the top level."""
    stack = node.meta.get("nn_module_stack") or {}
    # Entries are (qualified name, type), the innermost last. Those of torch's own passes name no module.
    # Torch calls a module's second call NAME@1; _LayerNames counts calls itself, so that suffix is cut off.
    names = [str(value[0]) for value in stack.values() if not str(value[0]).startswith("_empty_nn")]
    return names[-1].split("@")[0] if names else ""


class _LayerNames:
    """Gives every call its layer name; weighted calls get unique ones (``NAME``, ``NAME@2``)."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    def of(self, node: torch.fx.Node) -> str:
        name = _module_name(node)
        operation = name_of(node.target)
        if operation not in WEIGHTED:
            return name
        name = name or operation.split(".")[1]  # a functional call at the top level
        self._calls[name] += 1
        return name if self._calls[name] == 1 else f"{name}@{self._calls[name]}"
