"""What an engine is: it has workers, gives them tasks, and says what became of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.tasks import Recipe, Task


@dataclass(frozen=True, eq=False, slots=True)
class Done:
    """The task's shard is written, or its probe passed."""

    task: Task


@dataclass(frozen=True, eq=False, slots=True)
class Died:
    """The worker was lost with the task, or was given up as it did not answer.

    Attributes:
        how: what happened, for people.
        begun: whether it had begun to work, after opening network and images.
    """

    task: Task
    how: str
    begun: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class Failed:
    """The work raised an error, which another worker would raise too."""

    task: Task
    error: Exception


Outcome = Done | Died | Failed


@dataclass(slots=True)
class Queue:
    """Tasks that are still to be done. Tasks that have to be done again come first."""

    source: Iterator[Task]
    again: deque[Task] = field(default_factory=deque)

    def next(self) -> Task | None:
        """Return the next task, or None if there is none at the moment."""
        return self.again.popleft() if self.again else next(self.source, None)


class Engine(Protocol):
    """Does tasks with workers."""

    def run(self, recipe: Recipe, shards: Shards, queue: Queue) -> Iterator[Outcome]:
        """Yield the outcome of each task, in any order, until the queue is empty and no task is under way.

        A task is taken from the queue only when a worker is free for it.
        """
        ...

    def close(self) -> None:
        """End the workers, which are kept from one run to the next."""
        ...
