"""The folder of a run goes on with one plan only, and for one job at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pathprint.profiling.errors import JobError, OutputError
from pathprint.profiling.jobs.run import PLAN, Run, opened, plan_of
from pathprint.profiling.signatures.storage import Stored

PLANNED = {"job": "profile", "seed": 0, "policy": {"theta": 0.5, "layers": None}}


def test_a_run_goes_on_with_its_plan(tmp_path: Path) -> None:
    with opened(tmp_path / "run", PLANNED) as run:
        run.shards("counted").write(0, Stored({}, {"a": np.ones(1)}))
    with opened(tmp_path / "run", PLANNED) as run:
        assert run.shards("counted").numbers() == {0}
        assert run.shards("counted", size=3).read(0) is None  # what decides the parts belongs to the plan
    assert plan_of(tmp_path / "run") == PLANNED


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"seed": 1}, "seed: 0 there, 1 now"),
        ({"policy": {"theta": 0.9, "layers": None}}, "policy theta: 0.5 there, 0.9 now"),
        ({"network": "abc"}, "network: null there, abc now"),
    ],
)
def test_another_plan_is_refused_and_says_what_differs(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    with opened(tmp_path / "run", PLANNED):
        pass
    with (
        pytest.raises(JobError, match=f"other inputs or options: {told}. .*--restart"),
        opened(tmp_path / "run", PLANNED | changed),
    ):
        pass
    assert plan_of(tmp_path / "run") == PLANNED


def test_restart_discards_what_was_done(tmp_path: Path) -> None:
    with opened(tmp_path / "run", PLANNED) as run:
        run.shards("counted").write(0, Stored({}, {}))
    with opened(tmp_path / "run", PLANNED | {"seed": 1}, restart=True) as run:
        assert run.shards("counted").numbers() == set()
    assert plan_of(tmp_path / "run")["seed"] == 1


def test_a_second_job_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "run", PLANNED),
        pytest.raises(JobError, match=rf"another job \(process {os.getpid()} on .*\) is writing to"),
        opened(tmp_path / "run", PLANNED),
    ):
        pass
    with opened(tmp_path / "run", PLANNED):
        pass


def test_the_lock_of_a_killed_job_is_free(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from pathprint.profiling.jobs.run import opened
with opened(Path({str(tmp_path / "run")!r}), {PLANNED!r}):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    with opened(tmp_path / "run", PLANNED):
        pass


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(OutputError, match="is not the run of a job"), opened(tmp_path, PLANNED, restart=True):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_damaged_plan_is_told(tmp_path: Path) -> None:
    with opened(tmp_path / "run", PLANNED):
        pass
    (tmp_path / "run" / PLAN).write_text("{")
    with pytest.raises(JobError, match=r"is damaged .*--restart"), opened(tmp_path / "run", PLANNED):
        pass
    with pytest.raises(JobError, match=r"no readable plan\.json"):
        plan_of(tmp_path / "run")


def test_a_run_of_another_version_is_told(tmp_path: Path) -> None:
    with opened(tmp_path / "run", PLANNED):
        pass
    (tmp_path / "run" / PLAN).write_text(json.dumps({"schema": 99, "plan": PLANNED}))
    with pytest.raises(JobError, match="version of the run: 99 there"), opened(tmp_path / "run", PLANNED):
        pass


def test_a_job_that_is_not_to_be_continued_keeps_nothing(tmp_path: Path) -> None:
    with opened(None, PLANNED) as run:
        assert run == Run(None, PLANNED)
    assert not list(tmp_path.iterdir())
