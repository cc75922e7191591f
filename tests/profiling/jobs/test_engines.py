"""Engines do every task whatever happens to their workers, and say what cannot be done."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pathprint.profiling.errors import DataError, JobError
from pathprint.profiling.jobs.engines.engine import Died, Done, Engine, Outcome, Queue
from pathprint.profiling.jobs.engines.here import Here
from pathprint.profiling.jobs.engines.local import Local
from pathprint.profiling.jobs.perform import perform
from pathprint.profiling.jobs.shards import ShardFiles, Shards
from pathprint.profiling.jobs.tasks import Recipe, Task
from tests.profiling.jobs.small_work import Squares, tasks


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """Two workers, kept from one test to the next."""
    with closing(Local(2)) as engine:
        yield engine


def squares(engine: Engine, recipe: Squares, folder: Path, number: int = 6) -> dict[int, list[int]]:
    """Return the squares in each shard after all tasks are done."""
    shards = ShardFiles(folder, "plan")
    done = [task.number for task in perform(engine, recipe, shards, iter(tasks(number)))]
    assert sorted(done) == list(range(number))
    stored = {number: shards.read(number) for number in shards.numbers()}
    return {number: found.arrays["squares"].tolist() for number, found in stored.items() if found is not None}


EXPECTED = {task.number: (task.positions**2).tolist() for task in tasks(6)}


@pytest.mark.parametrize("kind", ["here", "local"])
def test_every_task_is_done_once(kind: str, local: Local, tmp_path: Path) -> None:
    assert squares(Here() if kind == "here" else local, Squares(), tmp_path) == EXPECTED


def test_a_task_whose_worker_is_killed_is_done_again(local: Local, tmp_path: Path) -> None:
    recipe = Squares(once=tmp_path, mortal=9)
    assert squares(local, recipe, tmp_path / "shards") == EXPECTED
    assert (tmp_path / "killed").exists()


def test_an_image_that_kills_its_workers_is_blamed_and_left_out(local: Local, tmp_path: Path) -> None:
    found = squares(local, Squares(deadly=(9,)), tmp_path)
    assert found == EXPECTED | {2: [64, 100, 121]}
    stored = ShardFiles(tmp_path, "plan").read(2)
    assert stored is not None
    assert stored.facts["bad"] == {"9": "3 workers were lost on looking at it: it was killed by SIGSEGV"}


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced_and_its_image_blamed(tmp_path: Path) -> None:
    with closing(Local(1, patience=0.5)) as engine:
        assert squares(engine, Squares(hanging=(2,)), tmp_path, 2) == {0: [0, 1, 9], 1: [16, 25, 36, 49]}


@pytest.mark.parametrize("kind", ["here", "local"])
def test_an_error_of_the_work_ends_the_job_with_its_message(kind: str, local: Local, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="image 9 is upside down"):
        squares(Here() if kind == "here" else local, Squares(failing=(9,)), tmp_path)


@pytest.mark.slow
def test_workers_that_cannot_begin_end_the_job(tmp_path: Path) -> None:
    with closing(Local(2)) as engine, pytest.raises(JobError, match="4 workers were lost before they could begin"):
        list(perform(engine, _Unmakable(), ShardFiles(tmp_path, "plan"), iter(tasks(1))))


class Dying:
    """An engine whose workers are lost with every task that is more than one image."""

    def run(self, recipe: Recipe, shards: Shards, queue: Queue) -> Iterator[Outcome]:
        while (task := queue.next()) is not None:
            yield Done(task) if task.probe else Died(task, "memory was short")

    def close(self) -> None:
        """Nothing is open."""


def test_tasks_that_kill_every_worker_without_an_image_to_blame_end_the_job(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"12 workers were lost with part 0 of the job \(4 images\).*memory was short"):
        list(perform(Dying(), Squares(), ShardFiles(tmp_path, "plan"), iter(tasks(1))))


class _Unmakable(Squares):
    """Work whose making ends the process."""

    def work(self) -> Squares:
        Squares(deadly=(0,))._look(0)
        return self


def test_tasks_are_taken_only_when_a_worker_is_free(tmp_path: Path) -> None:
    """So that what is not needed any more is not given out."""
    given: list[int] = []

    def giving() -> Iterator[Task]:
        for task in tasks(4):
            given.append(task.number)
            yield task

    for done, _ in enumerate(perform(Here(), Squares(), ShardFiles(tmp_path, "plan"), giving()), 1):
        assert len(given) == done


def test_shards_do_not_depend_on_the_engine(local: Local, tmp_path: Path) -> None:
    contents = []
    engines: dict[str, Engine] = {"here": Here(), "local": local}
    for name, engine in engines.items():
        squares(engine, Squares(), tmp_path / name)
        contents.append([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.safetensors"))])
    assert contents[0] == contents[1]
    assert len(contents[0]) == 6
