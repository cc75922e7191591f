"""A small kind of work for tests of engines: squares of positions, with images that kill, hang or fail."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pathprint.profiling.errors import DataError
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.signatures.storage import Stored


@dataclass(frozen=True)
class Squares:
    """Squares positions.

    Attributes:
        deadly: positions that end the process with a signal, whenever they are looked at.
        hanging: positions that are looked at for ever.
        failing: positions that raise an error.
        once: folder; the first time that ``mortal`` is looked at, the process is killed and leaves a file there.
        mortal: position that kills once.
        pause: seconds that each task takes.
    """

    deadly: tuple[int, ...] = ()
    hanging: tuple[int, ...] = ()
    failing: tuple[int, ...] = ()
    once: Path | None = None
    mortal: int = -1
    pause: float = 0

    def work(self) -> Squares:
        return self

    def probe(self, task: Task) -> None:
        for position in task.positions.tolist():
            self._look(position)

    def do(self, task: Task) -> Stored:
        time.sleep(self.pause)
        good = [position for position in task.positions.tolist() if position not in task.bad]
        for position in good:
            self._look(position)
        facts = {"bad": {str(position): reason for position, reason in task.bad.items()}}
        return Stored(facts, {"squares": np.array(good, dtype=np.int64) ** 2})

    def _look(self, position: int) -> None:
        if position in self.deadly:
            os.kill(os.getpid(), signal.SIGSEGV)
        if position in self.hanging:
            time.sleep(3600)
        if position in self.failing:
            raise DataError(f"image {position} is upside down.")
        if position == self.mortal and self.once is not None and not (self.once / "killed").exists():
            (self.once / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)


def tasks(number: int, size: int = 4) -> list[Task]:
    """Return tasks of ``size`` images each."""
    return [Task(i, np.arange(i * size, (i + 1) * size)) for i in range(number)]
