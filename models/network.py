"""A classifier that can be protected: canonical graph, labels, preprocessing, fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from pathprint.models.capture.canonical import canonise, check_same_logits
from pathprint.models.capture.capture import export_graph
from pathprint.models.capture.preparing import ready_copy, without_watching_hooks
from pathprint.models.errors import CaptureError, PixelsError
from pathprint.models.foreign import prints_to_stderr
from pathprint.models.graph import Graph, Node, Ref
from pathprint.models.preprocessing import Preprocessing

_ROUNDING = 1e-3


@dataclass(frozen=True)
class Network:
    """A captured classifier. It never changes, and holds no state of a run."""

    name: str
    graph: Graph
    labels: tuple[str, ...]
    preprocessing: Preprocessing

    @staticmethod
    def capture(
        module: nn.Module, preprocessing: Preprocessing, labels: Sequence[str] = (), name: str = "network"
    ) -> Network:
        """Capture ``module``, which stays untouched.

        Without ``labels`` the classes are called ``0``, ``1``, …

        Raises:
            CaptureError: the module cannot be exported, does not map ``n c h w`` to logits ``n k`` of two classes or
                more, or has another number of classes than there are ``labels``.
            UnsupportedOperationError: it uses operations without a rule; the error lists all of them.
        """
        with prints_to_stderr():
            ready = without_watching_hooks(ready_copy(module), preprocessing.input_shape)
            exported = export_graph(ready, preprocessing.input_shape)
            graph = canonise(exported.graph)
            check_same_logits(graph, ready, exported.ending)
        with torch.inference_mode():
            classes = graph.run(torch.zeros(2, *preprocessing.input_shape)).shape[1]
        found = tuple(labels) or tuple(str(index) for index in range(classes))
        if len(found) != classes:
            raise CaptureError(f"{len(found)} labels were given for {classes} logits; give one label per class.")
        return Network(name, graph, found, preprocessing)

    def logits(self, pixels: Tensor) -> Tensor:
        """Return logits ``n k`` of pixels ``n c h w`` in [0, 1]; differentiable.

        Raises:
            PixelsError: the pixels are not float32, or do not have the network's input shape.
        """
        self.check_form(pixels)
        return self.graph.run(self.preprocessing.normalise(pixels))

    def predict(self, pixels: Tensor) -> Tensor:
        """Return the predicted class of pixels ``n c h w`` in [0, 1], int64 ``n``; ties go to the lowest class.

        Raises:
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        """
        self.check_form(pixels)
        check_range(pixels)
        with torch.inference_mode():
            return self.logits(pixels).argmax(1)

    def check_form(self, pixels: Tensor) -> None:
        """Check that pixels are a float32 tensor ``n c h w`` of the network's input shape, whatever their values.

        Raises:
            PixelsError: they are not.
        """
        if not isinstance(pixels, Tensor):
            raise PixelsError(f"pixels are {type(pixels).__name__}; a torch tensor n c h w of float32 is expected.")
        if pixels.dtype is not torch.float32:
            how = ".float()" if pixels.is_floating_point() else ".float() / 255, if they go up to 255"
            raise PixelsError(f"pixels are {_kind(pixels)}; float32 in [0, 1] is expected: pixels{how}.")
        expected = self.preprocessing.input_shape
        if tuple(pixels.shape[1:]) != expected:
            raise PixelsError(
                f"pixels have shape {tuple(pixels.shape)}; the network takes (n, {', '.join(map(str, expected))})."
            )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides an answer: graph, constants, labels, preprocessing."""
        digest = hashlib.sha256(canonical_json(self.description()))
        for name, value in sorted(self.graph.constants.items()):
            digest.update(f"{name}{value.dtype}{tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def description(self) -> dict[str, Any]:
        """Return the network without its constants as JSON-able data."""
        return {
            "input_shape": list(self.graph.input_shape),
            "labels": list(self.labels),
            "nodes": [_node_data(node) for node in self.graph.nodes],
            "output": self.graph.output,
            "preprocessing": self.preprocessing.to_dict(),
        }

    @property
    def device(self) -> torch.device:
        """The device of the constants, where pixels have to be too."""
        return self.graph.device

    def to(self, device: torch.device | str) -> Network:
        """Return the same network with its constants on ``device``."""
        return replace(self, graph=self.graph.to(device))


def check_range(pixels: Tensor) -> None:
    """Check that the values of pixels are finite and in [0, 1], where a thousandth more is taken for rounding.

    Raises:
        PixelsError: they are not.
    """
    if pixels.numel() == 0:
        return
    low, high = (float(value) for value in torch.aminmax(pixels.detach()))
    if low >= -_ROUNDING and high <= 1 + _ROUNDING:
        return
    if not (isfinite(low) and isfinite(high)):
        raise PixelsError("pixels are not finite; every value must be a number in [0, 1].")
    raise PixelsError(
        f"pixels reach from {low:.3g} to {high:.3g}; values in [0, 1] are expected. Divide values up to 255 by 255, "
        "and leave out mean and standard deviation, which the network's preprocessing applies."
    )


def _kind(pixels: Tensor) -> str:
    return str(pixels.dtype).removeprefix("torch.")


def canonical_json(data: object) -> bytes:
    """Return ``data`` as JSON that depends on its content alone: sorted keys, no spaces.

    Raises:
        ValueError: ``data`` holds NaN or an infinity.
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _node_data(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "operation": node.operation,
        "args": _encode(list(node.args)),
        "kwargs": _encode(dict(node.kwargs)),
        "layer": node.layer,
    }


def _encode(value: Any) -> Any:
    """Return an argument as JSON-able data; a reference becomes ``{"ref": name}``."""
    if isinstance(value, Ref):
        return {"ref": value.name}
    if isinstance(value, tuple | list):
        return [_encode(item) for item in value]
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise CaptureError(f"an operation has the argument {value!r}, which cannot be stored; use plain numbers.")
