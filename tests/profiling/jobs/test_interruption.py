"""Whatever stops a job, the same command goes on and ends with the same bytes."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from pathprint.profiling.data.datasets import Dataset

COMMAND = [sys.executable, "-m", "pathprint.profiling.cli", "profile", "--network", "digits-cnn"]
KILLS = 20


@pytest.fixture(scope="module")
def images(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as large files, so that there is something to interrupt."""
    folder = tmp_path_factory.mktemp("digits")
    for index in range(300):
        label = digits.classes[digits.labels[index]]
        (folder / label).mkdir(exist_ok=True)
        digits.image(index).resize((2000, 2000), Image.Resampling.NEAREST).save(folder / label / f"{index}.png")
    return folder


def started(images: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    options = ["--data", str(images), "--images-per-class", "12", "--workers", str(workers), "--out", str(out)]
    return subprocess.Popen([*COMMAND, *options], stderr=subprocess.PIPE, text=True, start_new_session=True)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def undisturbed(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "profile"
    job = started(images, out, 0)
    assert job.communicate()[1] and job.returncode == 0
    return digests(out)


def workers_of(job: subprocess.Popen[str]) -> list[int]:
    """Return the processes that a job has started."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()]
    return []


def killed(job: subprocess.Popen[str], draw: random.Random) -> None:
    """Kill the job, or one of its workers, at any time."""
    with suppress(subprocess.TimeoutExpired):
        job.wait(draw.uniform(0.5, 6))
        return
    victims = workers_of(job)
    victim = draw.choice([job.pid, *victims, *victims])
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    if victim == job.pid:
        job.wait()


@pytest.mark.slow
def test_a_job_that_is_killed_time_and_again_ends_with_the_bytes_of_an_undisturbed_one(
    images: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    draw, out, kills = random.Random(1), tmp_path / "profile", 0
    job = started(images, out, 2)
    while kills < KILLS:
        killed(job, draw)
        kills += 1
        if job.poll() is not None and job.returncode != 0:
            job.communicate()
            job = started(images, out, 2)
        elif job.poll() == 0:  # begun anew, so that there is something left to kill
            assert digests(out) == undisturbed
            job = started(images, out, 2)
    _, said = job.communicate()
    assert job.returncode == 0, said
    assert digests(out) == undisturbed
    assert not out.with_name("profile.run").exists()


@pytest.fixture
def running(images: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A job that has done part of its work."""
    job = started(images, tmp_path / "profile", 2)
    while not list((tmp_path / "profile.run").rglob("*.safetensors")) and job.poll() is None:
        time.sleep(0.05)
    yield job
    job.kill()
    job.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_job_that_is_told_to_stop_does_so_and_can_be_continued(
    running: subprocess.Popen[str],
    images: Path,
    undisturbed: dict[str, str],
    tmp_path: Path,
    number: signal.Signals,
    status: int,
) -> None:
    workers = workers_of(running)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, "goes on when the same command is run again" in said) == (status, True)
    assert "Traceback" not in said
    assert_ended(workers)
    assert not (tmp_path / "profile").exists()
    job = started(images, tmp_path / "profile", 1)
    assert job.communicate()[1] and job.returncode == 0
    assert digests(tmp_path / "profile") == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_is_told_to_stop_while_workers_start_says_one_sentence(
    images: Path, tmp_path: Path, number: signal.Signals
) -> None:
    job = started(images, tmp_path / "profile", 2)
    while not workers_of(job) and job.poll() is None:
        time.sleep(0.001)
    os.killpg(job.pid, number)  # as a terminal or a container does
    _, said = job.communicate(timeout=60)
    assert (job.returncode, "Traceback" in said) == (128 + number, False), said


@pytest.mark.slow
def test_a_second_job_in_one_place_is_refused(running: subprocess.Popen[str], images: Path, tmp_path: Path) -> None:
    second = started(images, tmp_path / "profile", 0)
    _, said = second.communicate()
    assert second.returncode == 2
    assert f"another job (process {running.pid} on " in said


@pytest.mark.slow
def test_workers_end_with_a_job_that_is_killed(running: subprocess.Popen[str]) -> None:
    workers = workers_of(running)
    assert workers
    running.kill()
    running.wait()
    assert_ended(workers)


def assert_ended(workers: list[int]) -> None:
    """Wait until processes have ended, as they do soon after their job."""
    deadline = time.monotonic() + 60
    while any(_is_alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_is_alive(worker) for worker in workers)


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
