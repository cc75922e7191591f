"""The engine that does tasks on a Ray cluster: an actor for each worker. Lost actors and nodes are replaced.

The folder of the run and the images have to be on storage that every node sees under the same names.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pathprint.models.errors import ModelError
from pathprint.profiling.errors import JobError, MissingExtraError, ProfilingError
from pathprint.profiling.jobs.engines.engine import Died, Done, Failed, Outcome, Queue
from pathprint.profiling.jobs.engines.options import Workers, processors
from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.tasks import Recipe, Task, Work

_LOOK = 5.0
"""Seconds between two looks at a cluster on which nothing has happened."""


@dataclass(slots=True)
class Ray:
    """Does tasks with actors of a Ray cluster.

    Attributes:
        workers: number of actors.
        address: of the cluster; ``auto`` for the one that this machine belongs to; None to start one here.
        gpu: give each actor a GPU, and have it compute there.
    """

    workers: int
    address: str | None = None
    gpu: bool = False
    _has_started: bool = False

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
            JobError: the cluster cannot be reached.
        """
        ray = _ray()
        self._has_started = _connect(ray, self.address) or self._has_started
        crew: dict[Any, tuple[Any, Task]] = {}
        idle: list[Any] = []
        try:
            while self._give(ray, crew, idle, recipe, shards, queue):
                ready, _ = ray.wait(list(crew), num_returns=1, timeout=_LOOK)
                for reference in ready:
                    actor, task = crew.pop(reference)
                    found = _outcome(ray, reference, task)
                    if isinstance(found, Done):
                        idle.append(actor)
                    yield found
        finally:
            for actor in [*idle, *(actor for actor, _ in crew.values())]:
                ray.kill(actor)

    def close(self) -> None:
        """Leave the cluster, if it was this engine that connected to it."""
        if self._has_started:
            _ray().shutdown()

    def _give(
        self, ray: Any, crew: dict[Any, tuple[Any, Task]], idle: list[Any], recipe: Recipe, shards: Shards, queue: Queue
    ) -> bool:
        """Give tasks to actors that have none, and to new ones; say whether any task is under way."""
        while len(crew) < self.workers and (task := queue.next()) is not None:
            actor = idle.pop() if idle else self._actor(ray, recipe, shards)
            crew[actor.do.remote(task)] = actor, task
        return bool(crew)

    def _actor(self, ray: Any, recipe: Recipe, shards: Shards) -> Any:
        """Start an actor. Ray places it, and waits as long as no node has room for it."""
        needs = {"num_gpus": 1} if self.gpu else {"num_cpus": 1}
        return ray.remote(max_restarts=0, **needs)(_Actor).remote(recipe, shards, str(Path.cwd()))


class _Actor:
    """Does tasks, on one thread, in a process of its own somewhere in the cluster."""

    def __init__(self, recipe: Recipe, shards: Shards, folder: str) -> None:
        self._recipe, self._shards, self._folder = recipe, shards, folder
        self._work: Work | None = None

    def do(self, task: Task) -> ProfilingError | ModelError | None:
        """Do a task; return the error that no other worker would avoid."""
        try:
            self._do(task)
        except (ProfilingError, ModelError) as error:
            return error
        return None

    def _do(self, task: Task) -> None:
        if self._work is None:
            _settle(self._folder)
            self._work = self._recipe.work()
        if task.probe:
            self._work.probe(task)
        else:
            self._shards.write(task.number, self._work.do(task))


def _settle(folder: str) -> None:
    """Compute on one thread, and find what the job names relative to its folder."""
    import torch

    os.chdir(folder)

    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # the job has said all of that


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
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise JobError(f"the Ray cluster at {address or 'this machine'} cannot be used: {error}") from error
    return True


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("the engine ray needs Ray; install the extra: pip install 'pathprint[ray]'.") from error
    return ray
