"""The engine that does tasks on a Ray cluster: an actor for each worker. Lost actors and nodes are replaced.

The folder of the run and the images have to be on storage that every node sees under the same names.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pathprint.models.errors import ModelError
from pathprint.profiling.errors import JobError, MissingExtraError, ProfilingError
from pathprint.profiling.jobs.engines.engine import Died, Done, Failed, Outcome, Queue
from pathprint.profiling.jobs.engines.options import Workers
from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.tasks import Recipe, Task, Work
from pathprint.profiling.processors import processors

_LOOK = 5.0
"""Seconds between two looks at a cluster on which nothing has happened."""
_ROOM = 900.0
"""Seconds that a cluster may take to find room for a first actor."""


@dataclass(slots=True)
class Ray:
    """Does tasks with actors of a Ray cluster.

    Attributes:
        workers: most actors; where the cluster has no room for all of them, those that it has room for do the work.
        address: of the cluster; ``auto`` for the one that this machine belongs to; None to start one here.
        gpu: give each actor a GPU.
    """

    workers: int
    address: str | None = None
    gpu: bool = False
    _has_connected: bool = False

    @staticmethod
    def of(workers: Workers) -> Ray:
        """Return the engine that a user asks for.

        Raises:
            MissingExtraError: Ray is not installed.
        """
        _ray()
        return Ray(workers.number or processors(), workers.address, workers.gpu)

    def run(self, recipe: Recipe, shards: Shards, queue: Queue) -> Iterator[Outcome]:
        """Yield the outcome of each task; see ``Engine``.

        Raises:
            JobError: the cluster cannot be reached, or has no room for any actor.
        """
        ray = _ray()
        self._has_connected = _connect(ray, self.address) or self._has_connected
        crew = _Crew(ray, self.workers, {"num_gpus": 1} if self.gpu else {"num_cpus": 1}, recipe, shards)
        try:
            while crew.give(queue):
                yield from crew.outcomes()
        finally:
            crew.kill()

    def close(self) -> None:
        """Leave the cluster, if it was this engine that connected to it."""
        if self._has_connected:
            _ray().shutdown()


@dataclass(slots=True)
class _Crew:
    """The actors of one run.

    Attributes:
        starting: actors that Ray has not placed yet, by the reference of their first answer. None of them gets a task,
            which would wait as long as the cluster has no room for the actor.
        idle: actors without a task.
        busy: actors with their task, by the reference of its result.
        first: a task that waits for the first actor.
    """

    ray: Any
    workers: int
    needs: dict[str, int]
    recipe: Recipe
    shards: Shards
    starting: dict[Any, Any] = field(default_factory=dict)
    idle: list[Any] = field(default_factory=list)
    busy: dict[Any, tuple[Any, Task]] = field(default_factory=dict)
    first: Task | None = None
    since: float = field(default_factory=time.monotonic)

    def give(self, queue: Queue) -> bool:
        """Give tasks to idle actors, and start actors as long as there are tasks; say whether any task is left."""
        while self.idle and (task := self._next(queue)) is not None:
            actor = self.idle.pop()
            self.busy[actor.do.remote(task)] = actor, task
        if not self.busy and self.first is None:
            self.first = queue.next()
        if self.first is not None or self.busy:
            while len(self.starting) + len(self.idle) + len(self.busy) < self.workers:
                self._start()
            return True
        return False

    def _next(self, queue: Queue) -> Task | None:
        task, self.first = self.first, None
        return queue.next() if task is None else task

    def _start(self) -> None:
        actor = self.ray.remote(max_restarts=0, **self.needs)(_Actor).remote(self.recipe, self.shards, str(Path.cwd()))
        self.starting[actor.begin.remote()] = actor

    def outcomes(self) -> Iterator[Outcome]:
        """Wait until something happens; yield what became of tasks."""
        ready, _ = self.ray.wait([*self.busy, *self.starting], num_returns=1, timeout=_LOOK)
        for reference in ready:
            if reference in self.starting:
                self._begun(reference)
                continue
            actor, task = self.busy.pop(reference)
            found = _outcome(self.ray, reference, task)
            if isinstance(found, Done):
                self.idle.append(actor)
            yield found
        if self.busy or self.idle:
            self.since = time.monotonic()
        elif time.monotonic() - self.since > _ROOM:
            need = " and ".join(f"{name.removeprefix('num_')} {number}" for name, number in self.needs.items())
            raise JobError(f"the Ray cluster has had no room for a worker ({need}) for {_ROOM:.0f} s; add a node.")

    def _begun(self, reference: Any) -> None:
        actor = self.starting.pop(reference)
        try:
            self.ray.get(reference)
        except self.ray.exceptions.RayError:
            return  # another one is started in its place
        self.idle.append(actor)

    def kill(self) -> None:
        """End all actors."""
        for actor in [*self.idle, *self.starting.values(), *(actor for actor, _ in self.busy.values())]:
            self.ray.kill(actor)


class _Actor:
    """Does tasks, on one thread, in a process of its own somewhere in the cluster."""

    def __init__(self, recipe: Recipe, shards: Shards, folder: str) -> None:
        self._recipe, self._shards, self._folder = recipe, shards, folder
        self._work: Work | None = None

    def begin(self) -> None:
        """Answer as soon as Ray has placed the actor; it then finds what the job names relative to its folder."""
        os.chdir(self._folder)
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"  # which torch reads when the work imports it
        logging.disable(logging.WARNING)  # the job has said all of that

    def do(self, task: Task) -> ProfilingError | ModelError | None:
        """Do a task; return the error that no other worker would avoid."""
        try:
            self._do(task)
        except (ProfilingError, ModelError) as error:
            return error
        return None

    def _do(self, task: Task) -> None:
        if self._work is None:
            self._work = self._recipe.work()
        if task.probe:
            self._work.probe(task)
        else:
            self._shards.write(task.number, self._work.do(task))


def _outcome(ray: Any, reference: Any, task: Task) -> Outcome:
    try:
        error = ray.get(reference)
    except (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError) as lost:
        return Died(task, f"Ray lost it ({str(lost).strip().splitlines()[0]})")
    except ray.exceptions.RayError as failed:
        return Failed(task, JobError(f"a worker failed:\n{failed}"))
    return Done(task) if error is None else Failed(task, error)


def _connect(ray: Any, address: str | None) -> bool:
    """Connect to a cluster, or start one; say whether this call did."""
    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers
    local = {} if address else {"num_cpus": processors(), "include_dashboard": False}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False, **local)
    except (ConnectionError, ValueError, RuntimeError, OSError, ray.exceptions.RayError) as error:
        raise JobError(f"the Ray cluster at {address or 'this machine'} cannot be used: {error}") from error
    return True


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("the engine ray needs Ray; install the extra: pip install 'pathprint[ray]'.") from error
    return ray
