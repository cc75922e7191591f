"""The engine that does everything in this process, one task after another."""

from __future__ import annotations

from collections.abc import Iterator

from pathprint.profiling.jobs.engines.engine import Done, Outcome, Queue
from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.tasks import Recipe


class Here:
    """Does tasks in this process: nothing has to be started, but what kills a worker kills the job."""

    def run(self, recipe: Recipe, shards: Shards, queue: Queue) -> Iterator[Outcome]:
        """Yield the outcome of each task; an error of the work is raised."""
        work = recipe.work()
        while (task := queue.next()) is not None:
            if task.probe:
                work.probe(task)
            else:
                shards.write(task.number, work.do(task))
            yield Done(task)

    def close(self) -> None:
        """Do nothing: there are no workers."""
