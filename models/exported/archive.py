"""Read a ``.pt2`` archive: the program as JSON, the tensors as raw bytes.

``torch.export.load`` unpickles the sample inputs, evaluates shape expressions as Python and looks up any torch function
by name, so a file of unknown origin could run code. This reader opens only the JSON and the raw tensors; it does not
even read pickled members.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from pathprint.models.errors import NetworkFileError

MAX_JSON = 128 * 2**20
"""Largest program (JSON) that is read, in bytes. For comparison: MaxViT's, stack traces included, has 4 MB."""

_PROGRAM = re.compile(r"(?P<root>(?:[^/]+/)?)models/(?P<name>[^/]+)\.json")
_ANEW = "write it anew with torch.export.save"

DTYPES: Mapping[int, torch.dtype] = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
"""The element type behind each number in the archive: ``torch._export.serde.schema.ScalarType``."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive holds, as plain data.

    Attributes:
        program: the graph and its signature, in the schema of ``torch.export``.
        tensors: parameters, buffers and constants by qualified name.
    """

    program: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the content of the file at ``path``.

        Raises:
            NetworkFileError: the file is missing, damaged, compressed or not a ``.pt2`` archive, comes from an older
                version of torch, or holds pickled tensors.
        """
        if not path.is_file():
            found = "is a folder" if path.is_dir() else "does not exist"
            raise NetworkFileError(f"{path} {found}; a file that torch.export.save wrote is expected.")
        try:
            with zipfile.ZipFile(path) as file:
                return cls._from(file, path)
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
            raise NetworkFileError(f"{path} is damaged or not a .pt2 archive ({error}); {_ANEW}.") from error
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, RecursionError) as error:
            raise NetworkFileError(f"{path} is malformed ({type(error).__name__}: {error}); {_ANEW}.") from error

    @classmethod
    def _from(cls, file: zipfile.ZipFile, path: Path) -> Self:
        # Members that are uncompressed and do not overlap fit in the file; a zip bomb is larger than its file.
        if sum(info.file_size for info in file.infolist()) > path.stat().st_size:
            raise NetworkFileError(
                f"{path} holds more than its own size, but torch.export.save never compresses; {_ANEW}."
            )
        programs = [found for name in file.namelist() if (found := _PROGRAM.fullmatch(name))]
        if not programs:  # or the end of the file is missing, and zipfile takes a member for the archive
            raise zipfile.BadZipFile("it holds no exported program")
        if len(programs) > 1:
            raise NetworkFileError(f"{path} holds {len(programs)} exported programs, not one; {_ANEW}.")
        root, name = programs[0]["root"], programs[0]["name"]
        members = _Members(file, path)
        tensors: dict[str, Tensor] = {}
        for kind in ("weights", "constants"):
            config = members.json(f"{root}data/{kind}/{name}_{kind}_config.json")["config"]
            tensors |= members.tensors(f"{root}data/{kind}/", config)
        return cls(members.json(programs[0].string), tensors)


@dataclass(frozen=True, slots=True)
class _Members:
    """The members of the open archive ``file``; ``path`` names it in errors."""

    file: zipfile.ZipFile
    path: Path

    def bytes(self, name: str, limit: float = math.inf) -> bytes:
        if name not in self.file.namelist():
            raise NetworkFileError(f"{self.path} has no member {name}; {_ANEW} of torch 2.11 or later.")
        info = self.file.getinfo(name)
        if info.file_size > limit:
            raise NetworkFileError(f"{self.path}: {name} has {info.file_size:,} bytes; at most {limit:,} are read.")
        return self.file.read(info)

    def json(self, name: str) -> dict[str, Any]:
        loaded = json.loads(self.bytes(name, MAX_JSON))
        if not isinstance(loaded, dict):
            raise TypeError(f"{name} is not a JSON object")
        return loaded

    def tensors(self, folder: str, config: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the tensors that ``config`` describes, by qualified name; their bytes are members of ``folder``."""
        pickled = sorted(name for name, entry in config.items() if entry["use_pickle"] or not entry["tensor_meta"])
        if pickled:
            raise NetworkFileError(
                f"{self.path} holds {', '.join(pickled)} as pickles, which are not read because they could "
                "run code; export a module whose parameters, buffers and constants are plain tensors."
            )
        raw = {member: self.bytes(folder + member) for member in {str(entry["path_name"]) for entry in config.values()}}
        return {name: _tensor(entry["tensor_meta"], raw[entry["path_name"]]) for name, entry in config.items()}


def _tensor(meta: Mapping[str, Any], raw: bytes) -> Tensor:
    """Return the tensor that ``meta`` describes, on the CPU; it owns its memory."""
    sizes, strides = ([int(size["as_int"]) for size in meta[key]] for key in ("sizes", "strides"))
    dtype = DTYPES[meta["dtype"]]
    if math.prod(sizes) * dtype.itemsize > len(raw):  # with a stride of 0, few bytes could describe a huge tensor
        raise ValueError(f"a tensor of shape {sizes} is larger than its {len(raw)} bytes")
    flat = torch.frombuffer(bytearray(raw), dtype=dtype) if raw else torch.empty(0, dtype=dtype)
    return flat.as_strided(sizes, strides, int(meta["storage_offset"]["as_int"])).clone()
