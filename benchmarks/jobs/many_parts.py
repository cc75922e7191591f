"""What a job of very many parts costs beside its work: planning, writing, folding and resuming shards.

    python benchmarks/jobs/many_parts.py --parts 100000 --folder /tmp/many-parts

The work itself is next to nothing: each part counts ten units of one of a thousand classes.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pathprint.profiling.jobs.engines.here import Here
from pathprint.profiling.jobs.run import opened
from pathprint.profiling.jobs.stage import Stage, sound
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.signatures.storage import Stored

_IMAGES = 128


@dataclass(frozen=True)
class Counting:
    """Counts ten units, as fast as possible."""

    def work(self) -> Counting:
        """Return the work, which needs nothing opened."""
        return self

    def probe(self, task: Task) -> None:
        """Look at nothing."""

    def do(self, task: Task) -> Stored:
        """Return ten counts."""
        return Stored({"taken": len(task.positions)}, {"counts": np.arange(10, dtype=np.uint32) + task.number})


@contextmanager
def timed(what: str, parts: int) -> Iterator[None]:
    """Print how long the block takes, in all and for each of its parts."""
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<28} {seconds:8.2f} s {seconds / parts * 1e3:8.3f} ms a part, peak memory {peak:6.0f} MB")


def tasks(parts: int) -> Iterator[Task]:
    """Yield the parts of the job."""
    for number in range(parts):
        yield Task(number, np.arange(number * _IMAGES, (number + 1) * _IMAGES))


def main() -> None:
    """Time a job of the number of parts that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    with opened(given.folder, {"parts": given.parts}) as run:
        stage = Stage(Here(), Counting(), run.shards("counted"))
        with timed("planning", given.parts):
            assert sum(1 for _ in tasks(given.parts)) == given.parts
        with timed("doing half of the parts", given.parts // 2):
            for _ in stage.do(tasks(given.parts // 2)):
                pass
        with timed("resuming", given.parts // 2):
            there = sound(stage.shards)
        with timed("doing the others", given.parts - len(there)):
            for _ in stage.do(task for task in tasks(given.parts) if task.number not in there):
                pass
        with timed("folding", given.parts):
            total = np.zeros(10, np.uint64)
            for task in tasks(given.parts):
                total += stage.read(task).arrays["counts"]
        assert total[0] == given.parts * (given.parts - 1) // 2
    shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
