"""Read what training scripts leave: tensors by name, wherever they are in a file, without running any of it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from pathprint.models.capture.preparing import shown
from pathprint.models.errors import WeightsError

State = Mapping[str, Tensor]
_DEPTH = 3
"""How deep in a file a state dict is looked for: ``{"ema": {"model": {"state_dict": …}}}``."""
_ALONE = "save the weights alone: torch.save(module.state_dict(), …) writes them"
_LARGEST_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """A state dict in a file; ``place`` says where: ``state_dict``, ``ema.model``, or empty for the file itself."""

    place: str
    state: State


class _Unread:
    """Stands for an object of a type that is not read: it keeps its attributes as data, and runs nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            vars(self).update({key: value for key, value in state.items() if isinstance(key, str)})


def state_dicts(path: Path) -> tuple[Found, ...]:
    """Return every state dict in the file at ``path``: a safetensors file, or one that ``torch.save`` wrote.

    Objects in the file whose types torch does not deem safe are not made; their attributes are looked through.
    So a module that was saved as a whole gives its weights too.

    Raises:
        WeightsError: the file is missing, damaged, of another kind, or has no tensors by name.
    """
    found = tuple(_found_in(_content(path)))
    if not found:
        raise WeightsError(f"{path} has no weights (tensors by name) in it; {_ALONE}.")
    return found


def _content(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error
    if _is_safetensors(start):
        return _safetensors(path)
    if not start.startswith((b"PK", b"\x80")):
        raise WeightsError(
            f"{path} is neither a safetensors file nor one that torch.save wrote: it "
            + (f"begins with {start[:24]!r}." if start else "is empty.")
        )
    return _torch(path, zipped=start.startswith(b"PK"))


def _is_safetensors(start: bytes) -> bool:
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= _LARGEST_HEADER


def _safetensors(path: Path) -> Any:
    try:
        return load(path.read_bytes())
    except (SafetensorError, ValueError) as error:
        raise WeightsError(f"{path} is truncated or damaged: {error}; copy it again.") from error


def _torch(path: Path, zipped: bool) -> Any:
    if zipped:
        _check_archive(path)
    strange: list[str] = []
    try:
        strange = get_unsafe_globals_in_checkpoint(path) if zipped else []
        stand_ins: list[Any] = [(type("Unread", (_Unread,), {}), name) for name in strange]
        with safe_globals(stand_ins), path.open("rb") as file:  # torch.load goes by a path's ending
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader raises its own, private types
        what = f"it holds {shown(sorted(strange))}" if strange else f"{type(error).__name__}"
        raise WeightsError(f"{path} cannot be read as plain data ({what}); {_ALONE}.") from error


def _check_archive(path: Path) -> None:
    """Refuse a zip archive that is damaged, or that something other than ``torch.save`` wrote."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        size = path.stat().st_size
        raise WeightsError(f"{path} is truncated or damaged ({size:,} bytes are there); copy it again.") from error
    inside = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inside:
        raise WeightsError(f"{path} is a TorchScript program; {_ALONE}.")
    if "data.pkl" not in inside:
        raise WeightsError(f"{path} is a zip archive that torch.save did not write; {_ALONE}.")


def _found_in(value: Any, place: str = "", depth: int = _DEPTH) -> Iterator[Found]:
    """Yield the state dicts in ``value``, those outside before those inside."""
    if isinstance(value, _Unread):
        state = dict(_weights_of(value))
        if state:
            yield Found(place, state)
            return
        value = vars(value)
    if not isinstance(value, Mapping):
        return
    tensors = {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, Tensor)}
    if tensors:
        yield Found(place, tensors)
    for key, item in value.items() if depth else ():
        if isinstance(key, str) and not isinstance(item, Tensor):
            yield from _found_in(item, f"{place}.{key}" if place else key, depth - 1)


def _weights_of(module: _Unread, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters and buffers of a module that was saved as a whole."""
    held = vars(module)
    for kind in ("_parameters", "_buffers"):
        for name, value in _items(held.get(kind)):
            if isinstance(value, Tensor) and name not in (held.get("_non_persistent_buffers_set") or ()):
                yield prefix + name, value
    for name, part in _items(held.get("_modules")):
        if isinstance(part, _Unread):
            yield from _weights_of(part, f"{prefix}{name}.")


def _items(registry: object) -> Iterator[tuple[str, Any]]:
    return iter(registry.items()) if isinstance(registry, dict) else iter(())
