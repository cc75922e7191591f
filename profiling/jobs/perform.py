"""Have an engine do the tasks of a job, whatever happens to its workers.

A task whose worker is lost is done again. If that happens twice, each of its images is tried out alone: one that kills
its worker time and again is blamed, left out of the task, and recorded.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from pathprint.profiling.errors import JobError
from pathprint.profiling.jobs.engines.engine import Died, Done, Engine, Failed, Outcome, Queue
from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.tasks import Recipe, Task

SUSPECT = 2
"""Lost workers after which the images of a task are tried out one by one."""
BLAME = 3
"""Lost workers after which an image that is tried out alone is blamed: other things kill workers too."""
GIVE_UP = 12
"""Lost workers after which a task is given up of which no single image is to blame."""
UNMADE = 4
"""Workers lost before they began to work after which the job is given up."""
log = logging.getLogger("pathprint.jobs")


def perform(engine: Engine, recipe: Recipe, shards: Shards, tasks: Iterator[Task]) -> Iterator[Task]:
    """Yield each task when its shard is there, in any order.

    Raises:
        ProfilingError: the work failed, as for a full disk.
        JobError: the workers of a task are lost again and again, and no single image is to blame.
    """
    queue = Queue(tasks)
    trouble: dict[int, _Trouble] = {}
    for outcome in engine.run(recipe, shards, queue):
        task = _settled(outcome, trouble, queue)
        if task is not None:
            yield task


@dataclass(slots=True)
class _Trouble:
    """What is known of a task that has lost workers.

    Attributes:
        deaths: lost workers that had the whole task.
        probes: positions of images that are being tried out, by the number of the probe.
        killed: lost workers that had this image alone, by its position.
        blamed: what happened, by the position of the image that is to blame.
    """

    task: Task
    deaths: int = 0
    unmade: int = 0
    probes: dict[int, int] = field(default_factory=dict)
    killed: Counter[int] = field(default_factory=Counter)
    blamed: dict[int, str] = field(default_factory=dict)


_probe_numbers = count(1)


def _settled(outcome: Outcome, trouble: dict[int, _Trouble], queue: Queue) -> Task | None:
    """Return the task if its shard is written; else have done again what is not done."""
    match outcome:
        case Failed(_, error):
            raise error
        case Done(task) if not task.probe:
            trouble.pop(task.number, None)
            return task
        case Done(task):
            _cleared(trouble[int(task.facts["of"])], task, queue)
        case Died(task, how) if task.probe:
            _probe_died(trouble[int(task.facts["of"])], task, how, queue)
        case Died(task):
            _died(trouble.setdefault(task.number, _Trouble(task)), outcome, queue)
    return None


def _died(found: _Trouble, death: Died, queue: Queue) -> None:
    how = death.how
    log.warning("a worker was lost with part %d of the job: %s; it is replaced.", found.task.number, how)
    if not death.begun:
        _retry_unmade(found, how, queue)
        return
    found.deaths += 1
    if found.deaths >= GIVE_UP:
        raise JobError(
            f"{found.deaths} workers were lost with part {found.task.number} of the job ({len(found.task.positions)} "
            f"images), the last one because {how}, and no single image is to blame. If memory is short, use fewer "
            "workers; then run the same command again, which goes on where it stopped."
        )
    if found.deaths == SUSPECT and len(found.task.positions):
        for position in found.task.positions.tolist():
            _try_out(found, int(position), queue)
    else:
        queue.again.append(found.task)


def _retry_unmade(found: _Trouble, how: str, queue: Queue) -> None:
    found.unmade += 1
    if found.unmade >= UNMADE:
        raise JobError(f"{found.unmade} workers were lost before they could begin, the last one because {how}.")
    queue.again.append(found.task)


def _try_out(found: _Trouble, position: int, queue: Queue) -> None:
    number = -next(_probe_numbers)
    found.probes[number] = position
    at = found.task.positions == position
    queue.again.append(Task(number, found.task.positions[at][:1], {"of": found.task.number}, probe=True))


def _probe_died(found: _Trouble, probe: Task, how: str, queue: Queue) -> None:
    position = found.probes.pop(probe.number)
    found.killed[position] += 1
    if found.killed[position] < BLAME:
        _try_out(found, position, queue)
        return
    found.blamed[position] = f"{BLAME} workers were lost on looking at it: {how}"
    _go_on(found, queue)


def _cleared(found: _Trouble, probe: Task, queue: Queue) -> None:
    found.probes.pop(probe.number)
    _go_on(found, queue)


def _go_on(found: _Trouble, queue: Queue) -> None:
    """When every image has been tried out, do the task again without those to blame."""
    if not found.probes:
        found.task = replace(found.task, bad={**found.task.bad, **found.blamed})
        queue.again.append(found.task)
