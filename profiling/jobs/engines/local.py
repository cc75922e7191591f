"""The engine that does tasks in processes of this machine. A process that is killed or hangs is replaced."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pathprint.models.errors import ModelError
from pathprint.profiling.errors import JobError, ProfilingError
from pathprint.profiling.jobs.engines.engine import Died, Done, Failed, Outcome, Queue
from pathprint.profiling.jobs.engines.uninterrupted import uninterrupted
from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.tasks import Recipe, Task, Work

_START = 900.0
"""Seconds that a worker may take to open network and data, and to compile what is not compiled yet."""
_LOOK = 0.5
"""Seconds between two looks for workers that hang."""
_spawn = multiprocessing.get_context("spawn")  # a fork would inherit the threads' locks in any state


@dataclass(slots=True, eq=False)
class Local:
    """Does tasks in processes of this machine.

    Attributes:
        workers: number of processes; each computes on one thread.
        patience: seconds after which a worker that has not finished its task is replaced.
    """

    workers: int
    patience: float = 1800.0
    _crew: list[_Worker] = field(default_factory=list)

    def run(self, recipe: Recipe, shards: Shards, queue: Queue) -> Iterator[Outcome]:
        """Yield the outcome of each task; see ``Engine``."""
        if any(worker.task for worker in self._crew):  # called for while another run is under way
            with closing(Local(self.workers, self.patience)) as other:
                yield from other.run(recipe, shards, queue)
            return
        orders = _Orders(recipe, shards)
        try:
            while self._give(orders, queue) or any(worker.task for worker in self._crew):
                yield from self._outcomes()
        finally:
            if any(worker.task for worker in self._crew):  # the job ends early
                self.close()

    def close(self) -> None:
        """End all processes."""
        while self._crew:
            self._crew.pop().stop()

    def _give(self, orders: _Orders, queue: Queue) -> bool:
        """Give tasks to the workers that have none, and start workers as long as there are tasks for them."""
        given = False
        for worker in [worker for worker in self._crew if worker.task is None]:
            given = worker.take(orders, queue.next()) or given
        while len(self._crew) < self.workers and (task := queue.next()) is not None:
            self._crew.append(_Worker.start())
            given = self._crew[-1].take(orders, task) or given
        return given

    def _outcomes(self) -> Iterator[Outcome]:
        """Wait until something happens, and yield what it is; take out workers that are lost."""
        wait([worker.connection for worker in self._crew], timeout=_LOOK)
        for worker in list(self._crew):
            found = worker.outcome(self.patience)
            if worker.is_lost:
                self._crew.remove(worker)
            if found is not None:
                yield found


@dataclass(frozen=True, slots=True, eq=False)
class _Orders:
    """What a worker is to make its work of, and where it puts the results."""

    recipe: Recipe
    shards: Shards


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, and the task that it has."""

    process: BaseProcess
    connection: Connection
    orders: _Orders | None = None
    task: Task | None = None
    is_ready: bool = False
    is_lost: bool = False
    since: float = field(default_factory=time.monotonic)

    @staticmethod
    def start() -> _Worker:
        own, its = _spawn.Pipe()
        process = _spawn.Process(target=_serve, args=(its,), daemon=True)
        with uninterrupted():
            process.start()
        its.close()  # so that the end of the process is the end of the connection
        return _Worker(process, own)

    def take(self, orders: _Orders, task: Task | None) -> bool:
        """Send a task, if there is one, after orders that are new; one that is lost says so at the next look."""
        if task is None:
            return False
        self.task, self.since = task, time.monotonic()
        with suppress(OSError):
            if self.orders is not orders:
                if self.orders is not None:
                    self.connection.send(None)
                self.orders, self.is_ready = orders, False
                self.connection.send(orders)
            self.connection.send(task)
        return True

    def outcome(self, patience: float) -> Outcome | None:
        """Return what became of the task, if that is known by now."""
        try:
            if self.connection.poll():
                return self._answer(self.connection.recv())
        except (EOFError, OSError):
            return self._lost(self._death())
        if self.task is not None and time.monotonic() - self.since > (patience if self.is_ready else _START):
            return self._lost(f"it had not answered for {time.monotonic() - self.since:.0f} s")
        return None

    def _answer(self, said: str | Exception) -> Outcome | None:
        if said == "ready":
            self.is_ready, self.since = True, time.monotonic()
            return None
        task, self.task = self.task, None
        if task is None:
            return None
        return Failed(task, said) if isinstance(said, Exception) else Done(task)

    def _lost(self, how: str) -> Died | None:
        self.is_lost = True
        self.stop()
        return None if self.task is None else Died(self.task, how, self.is_ready)

    def _death(self) -> str:
        self.process.join(timeout=5)
        code = self.process.exitcode
        if code is not None and code < 0:
            return f"it was killed by {signal.Signals(-code).name}"
        return f"it ended with status {code}"

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection: Connection) -> None:
    """Do tasks until there is nobody to give any: the body of a worker process."""
    _settle()
    try:
        while True:
            orders: _Orders = connection.recv()
            work = orders.recipe.work()
            connection.send("ready")
            _do_tasks(connection, work, orders.shards)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the job has ended
    except (ProfilingError, ModelError) as error:
        connection.send(error)
    except Exception:  # whatever it is, the job has to hear of it
        connection.send(JobError(f"a worker failed:\n{traceback.format_exc()}"))


def _do_tasks(connection: Connection, work: Work, shards: Shards) -> None:
    """Do tasks until other orders are about to come."""
    while True:
        task: Task | None = connection.recv()
        if task is None:
            return
        if task.probe:
            work.probe(task)
        else:
            shards.write(task.number, work.do(task))
        connection.send("done")


def _settle() -> None:
    """Compute on one thread, leave signals and messages to the job, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the job too, which ends its workers
    logging.disable(logging.WARNING)  # the job has said all of that
    warnings.simplefilter("ignore")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # which torch reads when the work imports it


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
