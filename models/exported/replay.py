"""A module that runs an exported program call by call, and can be captured like any other module.

Each operation runs inside a submodule with the name of its original layer, and tensors keep their names. So capturing
the replay gives the layers, constants and values that capturing the original module gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pathprint.models.errors import CaptureError, NetworkFileError, UnsupportedOperationError
from pathprint.models.exported.archive import Archive
from pathprint.models.exported.arguments import bound, value_of
from pathprint.models.exported.program import Call, Held, Program

_KEYWORD = 2


def replay_of(path: Path) -> Replay:
    """Return the network in the ``.pt2`` file at ``path``; nothing in the file is unpickled or run by name.

    Raises:
        NetworkFileError: the file is missing, damaged or not a ``.pt2`` archive, or holds pickled tensors.
        CaptureError: the program is not a classifier, exported in evaluation mode for any number of images.
        UnsupportedOperationError: it uses operations that are not allowed; the error lists all of them.
    """
    archive = Archive.read(path)
    try:
        return Replay(Program.of(archive.program), archive.tensors)
    except UnsupportedOperationError:
        raise
    except CaptureError as error:
        raise CaptureError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration, RuntimeError) as error:
        raise NetworkFileError(
            f"{path} does not describe a network that this version reads ({type(error).__name__}: {error}); "
            "write it anew with torch.export.save."
        ) from error


class _Layer(nn.Module):
    """A layer of the program: holds its tensors and calls its operations, which capture then files under its name."""

    def forward(self, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        return function(*args, **kwargs)


class Replay(nn.Module):
    """The module that ``program`` describes; its parameters, buffers and constants are in ``tensors``, by name."""

    def __init__(self, program: Program, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.program = program
        for held in program.held.values():
            self._hold(held, tensors[held.target])
        for call in program.calls:
            self._layer(call.layer)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``n k`` of the network inputs ``n c h w``."""
        values = {name: self._held(held.target) for name, held in self.program.held.items()}
        values |= {**self.program.literals, self.program.image: x}
        for call in self.program.calls:
            returned = self._returned(call, values)
            parts = (returned,) if len(call.outputs) == 1 else returned
            for output, part in zip(call.outputs, parts, strict=True):
                values |= bound(output, part)
        logits: Tensor = values[self.program.logits]
        return logits

    def _returned(self, call: Call, values: Mapping[str, Any]) -> Any:
        args = [value_of(given["arg"], values) for given in call.inputs if given["kind"] != _KEYWORD]
        kwargs = {given["name"]: value_of(given["arg"], values) for given in call.inputs if given["kind"] == _KEYWORD}
        layer = self.get_submodule(call.layer)
        return call.function(*args, **kwargs) if layer is self else layer(call.function, args, kwargs)

    def _held(self, target: str) -> Any:
        layer, _, name = target.rpartition(".")
        return getattr(self.get_submodule(layer), name)

    def _hold(self, held: Held, tensor: Tensor) -> None:
        path, _, name = held.target.rpartition(".")
        layer = self._layer(path)
        if held.kind == "parameter":
            layer.register_parameter(name, nn.Parameter(tensor, requires_grad=tensor.is_floating_point()))
        elif held.kind == "buffer":
            layer.register_buffer(name, tensor, persistent=held.persistent)
        elif not hasattr(layer, name):
            setattr(layer, name, tensor)  # not a buffer, so that it keeps its type when the network is made float32

    def _layer(self, path: str) -> nn.Module:
        """Return the submodule at ``path``; make it, and those around it, if they are missing."""
        layer: nn.Module = self
        for name in filter(None, path.split(".")):
            if name not in layer._modules:
                layer.add_module(name, _Layer())
            layer = layer.get_submodule(name)
        return layer
