"""A stage of a job: tasks that one kind of work is done for, and the shards that they leave."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from pathprint.profiling.errors import JobError
from pathprint.profiling.jobs.engines.engine import Engine
from pathprint.profiling.jobs.perform import perform
from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.tasks import Recipe, Task
from pathprint.profiling.signatures.storage import Stored

log = logging.getLogger("pathprint.jobs")


@dataclass(frozen=True, eq=False)
class Stage:
    """Tasks of one kind, done by an engine.

    Attributes:
        recipe: makes the work.
        shards: what the tasks leave.
    """

    engine: Engine
    recipe: Recipe
    shards: Shards

    def do(self, tasks: Iterator[Task]) -> Iterator[Task]:
        """Have tasks done; yield each when its shard is there, in any order.

        Raises:
            ProfilingError: the work failed.
        """
        return perform(self.engine, self.recipe, self.shards, tasks)

    def read(self, task: Task) -> Stored:
        """Return what a task has left; what is damaged by now is made again.

        Raises:
            ProfilingError: the work failed.
        """
        found = self.shards.read(task.number)
        return self.redone(task) if found is None else found

    def redone(self, task: Task) -> Stored:
        """Have a task done again; return what it leaves.

        Raises:
            ProfilingError: the work failed.
            JobError: its shard cannot be read back.
        """
        for _ in self.do(iter([task])):
            pass
        found = self.shards.read(task.number)
        if found is None:
            raise JobError(f"shard {task.number} was written and cannot be read back; check the disk.")
        return found


def sound(shards: Shards) -> set[int]:
    """Return the numbers of the tasks that an earlier run has done, and whose shards are undamaged."""
    numbers = shards.numbers()
    found = {number for number in numbers if shards.read(number) is not None}
    if len(found) < len(numbers):
        log.warning("%d shards are damaged or of another run, and are made again.", len(numbers) - len(found))
    return found
