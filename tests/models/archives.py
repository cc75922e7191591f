"""Small ``.pt2`` archives to load, and ways to change one member of them."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export, save

PROGRAM = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
SAMPLES = "data/sample_inputs/model.pt"


Changes = dict[str, bytes | Callable[[bytes], bytes]]
"""New content of members, or what makes it of the old one."""


class Small(nn.Module):
    """A classifier with BatchNorm, an in-place ReLU, a buffer and a literal."""

    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.register_buffer("shift", torch.rand(4, 1, 1), persistent=False)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.body(x) + self.shift * torch.tensor([2.0])
        logits: Tensor = self.head(seen.mean((2, 3)).view(x.shape[0], -1))
        return logits


def small() -> Small:
    torch.manual_seed(0)
    return Small().eval()


def exported(module: nn.Module, shape: tuple[int, ...] = (3, 12, 16)) -> ExportedProgram:
    return export(module, (torch.zeros(2, *shape),), dynamic_shapes=({0: Dim("n", min=1)},))


def archive(folder: Path, module: nn.Module | None = None) -> Path:
    """Write a network for images of 12 x 16 to ``folder``."""
    save(exported(module or small()), folder / "net.pt2")
    return folder / "net.pt2"


def changed(path: Path, changes: Changes, compression: int = 0) -> Path:
    """Replace or add members of the archive at ``path``, named without its root folder."""
    with zipfile.ZipFile(path) as file:
        members = {name.partition("/")[2]: file.read(name) for name in file.namelist()}
    for name, change in changes.items():
        members[name] = change(members[name]) if callable(change) else change
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"net/{name}", content)
    return path


def edit(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    """Return what applies ``change`` to a JSON member."""

    def edited(content: bytes) -> bytes:
        data = json.loads(content)
        change(data)
        return json.dumps(data).encode()

    return edited


class Payload:
    """Creates the file ``marker`` when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def pickled(marker: Path) -> bytes:
    """Return a pickle with a payload, as ``torch.save`` frames it."""
    buffer = io.BytesIO()
    torch.save(Payload(marker), buffer)
    return buffer.getvalue()


def plainly_pickled(marker: Path) -> bytes:
    return pickle.dumps(Payload(marker))
