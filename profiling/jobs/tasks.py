"""What workers do: one task at a time, each a pure function of some images, so that it can be done again anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pathprint.profiling.arrays import Indices
from pathprint.profiling.signatures.storage import Stored


@dataclass(frozen=True, eq=False)
class Task:
    """Part of a job.

    Attributes:
        number: names the shard that the task fills.
        positions: of its images in the data, ``(n,)``.
        facts: what else decides the result, as JSON-able data.
        bad: why an image is left out, by its position: it has killed the workers that looked at it.
        probe: only try out whether the images can be looked at, and write no shard.
    """

    number: int
    positions: Indices
    facts: Mapping[str, Any] = field(default_factory=dict)
    bad: Mapping[int, str] = field(default_factory=dict)
    probe: bool = False


class Work(Protocol):
    """What is done with a task."""

    def do(self, task: Task) -> Stored:
        """Return what the task's shard holds; it depends on nothing but the task."""
        ...

    def probe(self, task: Task) -> None:
        """Look at the task's images, as ``do`` would do it first."""
        ...


class Recipe(Protocol):
    """How a worker makes its work, in another process or on another machine; small, and sent there by value."""

    def work(self) -> Work:
        """Open network and data."""
        ...
