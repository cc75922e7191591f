"""Files of arrays with one JSON entry (safetensors): equal content gives equal bytes, a file is whole or absent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pathprint.profiling.arrays import Arrays
from pathprint.profiling.writing.whole import whole_file

ENTRY = "pathprint"
"""Name of the JSON entry."""
UNREADABLE = (OSError, SafetensorError, LookupError, TypeError, ValueError, AttributeError)
"""What can be raised on reading a file that is damaged, of another kind, or with impossible content."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file holds: JSON-able facts, and arrays by name."""

    facts: dict[str, Any]
    arrays: Arrays


def write(path: Path, stored: Stored) -> None:
    """Write a file; an older one is replaced only when the new one is complete.

    Raises:
        OutputError: it cannot be written.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in stored.arrays.items()}
    # One entry only: safetensors writes several in random order.
    content = save(arrays, {ENTRY: json.dumps(stored.facts, sort_keys=True)})
    with whole_file(path) as partial:
        partial.write_bytes(content)


def read(path: Path, schema: int) -> Stored:
    """Return the content of a file.

    Raises:
        any of ``UNREADABLE``: it cannot be read, or its facts have another ``schema``.
    """
    with safe_open(path, "numpy") as file:
        facts = json.loads((file.metadata() or {})[ENTRY])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
    if facts["schema"] != schema:
        raise ValueError(f"schema {facts['schema']!r}; this version reads {schema}.")
    return Stored(facts, arrays)


def facts(path: Path) -> dict[str, Any]:
    """Return the facts of a file without reading its arrays.

    Raises:
        any of ``UNREADABLE``: it cannot be read.
    """
    with safe_open(path, "numpy") as file:
        found: dict[str, Any] = json.loads((file.metadata() or {})[ENTRY])
    return found


def reason(error: BaseException) -> str:
    """Return why a file could not be read, for people: the message of our own checks, else also the kind of error."""
    return str(error) if type(error) is ValueError else repr(error)
