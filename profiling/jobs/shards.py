"""What tasks have left: a file for each, named by its number, with a checksum and the plan that it belongs to."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from safetensors import safe_open

from pathprint.profiling.arrays import Arrays
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.storage import Stored

SCHEMA = 1
_PER_FOLDER = 1000
"""Shards that share a folder: some file systems are slow where one folder holds many files."""
_NAMES = "[0-9]" * 9


class Shards(Protocol):
    """The results of a job's tasks, by number."""

    def write(self, number: int, stored: Stored) -> None:
        """Keep the result of a task, in place of an older one."""
        ...

    def read(self, number: int) -> Stored | None:
        """Return the result of a task; None if there is none that can be relied on."""
        ...

    def facts(self, number: int) -> dict[str, Any] | None:
        """Return the facts of a result without its arrays, which are not verified."""
        ...

    def numbers(self) -> set[int]:
        """Return the numbers of the tasks that have left a result."""
        ...

    def remove(self, numbers: Iterable[int]) -> None:
        """Drop results that are not needed any more."""
        ...


@dataclass(frozen=True)
class ShardsInMemory:
    """The results of a job that is not meant to be continued."""

    found: dict[int, Stored] = field(default_factory=dict)

    def write(self, number: int, stored: Stored) -> None:
        self.found[number] = stored

    def read(self, number: int) -> Stored | None:
        return self.found.get(number)

    def facts(self, number: int) -> dict[str, Any] | None:
        stored = self.found.get(number)
        return None if stored is None else dict(stored.facts)

    def numbers(self) -> set[int]:
        return set(self.found)

    def remove(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.found.pop(number, None)


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """Results as files below ``folder``; a file is whole or absent, and says which ``plan`` it belongs to."""

    folder: Path
    plan: str

    def path(self, number: int) -> Path:
        """Return the file of a task's result."""
        return self.folder / f"{number // _PER_FOLDER:06d}" / f"{number:09d}.safetensors"

    def write(self, number: int, stored: Stored) -> None:
        """Write a result beside its place, flush it, and move it there.

        Raises:
            OutputError: it cannot be written, as when the disk is full.
        """
        seal = {"schema": SCHEMA, "plan": self.plan, "number": number, "sha256": _digest(stored)}
        storage.write(self.path(number), Stored({**seal, "facts": stored.facts}, stored.arrays))

    def read(self, number: int) -> Stored | None:
        """Return a result; None if it is missing, damaged, or of another plan or task."""
        try:
            sealed = storage.read(self.path(number), SCHEMA)
            stored = Stored(dict(sealed.facts["facts"]), sealed.arrays)
            is_ours = (sealed.facts["plan"], sealed.facts["number"]) == (self.plan, number)
            return stored if is_ours and sealed.facts["sha256"] == _digest(stored) else None
        except storage.UNREADABLE:
            return None

    def facts(self, number: int) -> dict[str, Any] | None:
        """Return the facts of a result, or None if the file cannot be read or is of another plan."""
        try:
            with safe_open(self.path(number), "numpy") as file:
                sealed = json.loads(next(iter((file.metadata() or {}).values())))
            return dict(sealed["facts"]) if sealed["plan"] == self.plan else None
        except (*storage.UNREADABLE, StopIteration):
            return None

    def numbers(self) -> set[int]:
        """Return the numbers that have a file, whatever is in it."""
        return {int(path.stem) for path in self.folder.glob(f"*/{_NAMES}.safetensors")}

    def remove(self, numbers: Iterable[int]) -> None:
        """Delete results."""
        for number in numbers:
            self.path(number).unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete all results."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _digest(stored: Stored) -> str:
    """Return the SHA-256 of facts and arrays, with the arrays' names, types and shapes."""
    found = hashlib.sha256(json.dumps(stored.facts, sort_keys=True).encode())
    return _with_arrays(found, stored.arrays)


def _with_arrays(found: Any, arrays: Arrays) -> str:
    for name in sorted(arrays):
        found.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        found.update(arrays[name].tobytes())
    return str(found.hexdigest())
