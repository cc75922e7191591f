"""Read and check an exported program: its input image, its logits, its tensors and its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pathprint.models.errors import CaptureError, UnsupportedOperationError
from pathprint.models.exported.blocks import Names, dissolved
from pathprint.models.exported.operations import IGNORED, REPLAYED, our_name, resolve

EXPORT = "export(module.eval(), (torch.zeros(2, c, h, w),), dynamic_shapes=({0: Dim('n', min=1)},))"
"""The call that exports a network as we read it; error messages quote it."""

_TARGETS = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": "tensor_constant_name"}
_TRAINING = {"train", "training"}


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a program.

    Attributes:
        inputs, outputs: the arguments and the names of the results, in the schema of ``torch.export``.
        layer: qualified name of the module that made the call; empty at the top level.
    """

    function: Callable[..., Any]
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    layer: str


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor that belongs to a program.

    Attributes:
        kind: ``parameter``, ``buffer`` or ``tensor_constant``.
        target: its qualified name.
        persistent: whether the state dict has it; only buffers can be left out.
    """

    kind: str
    target: str
    persistent: bool


@dataclass(frozen=True, slots=True)
class Program:
    """A classifier's program.

    Attributes:
        image, logits: the names of the values that the program takes and returns.
        input_shape: ``(c, h, w)``. Where height or width are free, those of the example that it was exported with.
        held: the program's tensors, by the name of the value that each is in the calls.
        literals: the values of inputs that are not tensors, by name.
        calls: the operations, in the order in which they run.
    """

    image: str
    logits: str
    input_shape: tuple[int, ...]
    held: Mapping[str, Held]
    literals: Mapping[str, Any]
    calls: tuple[Call, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return the program described by ``data``, in the schema of ``torch.export``.

        Raises:
            CaptureError: it is not a classifier, exported in evaluation mode for any number of images.
            UnsupportedOperationError: it uses operations that are not allowed; the error lists all of them.
            KeyError, TypeError, ValueError, AttributeError: ``data`` is malformed.
        """
        graph, signature = data["graph_module"]["graph"], data["graph_module"]["signature"]
        names: Names = {}
        calls = _calls(list(dissolved(graph["nodes"], names)))
        logits = _logits(signature["output_specs"])
        specs = [next(iter(spec.items())) for spec in signature["input_specs"]]
        image = _image(specs)
        held = {
            content["arg"]["name"]: Held(kind, str(content[_TARGETS[kind]]), content.get("persistent", True))
            for kind, content in specs
            if kind in _TARGETS
        }
        literals = {
            content["name"]: next(iter(content["value"].values()))
            for kind, content in specs
            if kind == "constant_input"
        }
        return cls(image, names.get(logits, logits), _input_shape(graph["tensor_values"][image]), held, literals, calls)


def _image(specs: list[tuple[str, Any]]) -> str:
    images = [c["arg"]["as_tensor"]["name"] for kind, c in specs if kind == "user_input" and "as_tensor" in c["arg"]]
    other = sorted({kind for kind, _ in specs} - {*_TARGETS, "user_input", "constant_input"})
    if other or len(images) != 1:
        what = f"inputs of kind {', '.join(other)}" if other else f"{len(images)} tensors"
        raise CaptureError(f"the program takes {what}; it must take one tensor n c h w: {EXPORT}.")
    return str(images[0])


def _logits(specs: list[Mapping[str, Any]]) -> str:
    if any("user_output" not in spec for spec in specs):
        raise CaptureError(f"the program changes its buffers, as in training; export in evaluation mode: {EXPORT}.")
    returned = [spec["user_output"]["arg"] for spec in specs if "as_none" not in spec["user_output"]["arg"]]
    if len(returned) != 1 or "as_tensor" not in returned[0]:
        raise CaptureError(
            f"the program returns {len(returned)} values; it must return the logits n k alone: {EXPORT}."
        )
    return str(returned[0]["as_tensor"]["name"])


def _input_shape(meta: Mapping[str, Any]) -> tuple[int, ...]:
    batch, *sizes = meta["sizes"]
    if "as_int" in batch:
        raise CaptureError(
            f"the program takes exactly {batch['as_int']} image(s); export it for any number of images: {EXPORT}."
        )
    if len(sizes) != 3:
        raise CaptureError(f"the program's input has {len(sizes) + 1} axes; images n c h w are expected: {EXPORT}.")
    return tuple(int(s["as_int"] if "as_int" in s else s["as_expr"]["hint"]["as_int"]) for s in sizes)


def _calls(nodes: list[Mapping[str, Any]]) -> tuple[Call, ...]:
    kept = [(our_name(node["target"]), _layer(node), node) for node in nodes]
    kept = [(operation, layer, node) for operation, layer, node in kept if operation not in IGNORED]
    refused = [(operation, layer) for operation, layer, _ in kept if operation not in REPLAYED]
    if refused:
        raise UnsupportedOperationError(refused)
    for operation, layer, node in kept:
        if _trains({given["name"]: given["arg"] for given in node["inputs"]}):
            raise CaptureError(f"{operation} in {layer} is in training mode; export in evaluation mode: {EXPORT}.")
    return tuple(
        Call(resolve(operation), tuple(node["inputs"]), tuple(node["outputs"]), layer)
        for operation, layer, node in kept
    )


def _trains(inputs: Mapping[str, Any]) -> bool:
    """Say whether a call is in training mode, except where it has no running statistics and so no other mode."""
    told = any(inputs[name].get("as_bool") for name in _TRAINING & inputs.keys())
    return told and "as_none" not in inputs.get("running_mean", {})


def _layer(node: Mapping[str, Any]) -> str:
    """Return the qualified name of the innermost module that made a call; empty at the top level."""
    # The stack is "key,name,type;…"; commas inside brackets belong to a name or type.
    innermost = node["metadata"].get("nn_module_stack", "").rpartition(";")[2]
    depth, parts = 0, [""]
    for character in innermost:
        depth += (character in "[(") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts[1].split("@")[0] if len(parts) == 3 else ""
