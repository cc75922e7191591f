"""Whatever happens while something is written, its place holds all of the old or all of the new."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from pathprint.profiling.errors import OutputError
from pathprint.profiling.writing.places import Form
from pathprint.profiling.writing.whole import whole_file, whole_folder

PAIR = Form("pair", frozenset({"a.json", "b.json"}), "a.json", frozenset({"of"}))


def write_pair(place: Path, owner: object, pause: float = 0) -> None:
    with whole_folder(place, PAIR) as partial:
        for name in PAIR.files:
            (partial / name).write_text(f'{{"of": "{owner}"}}')
            time.sleep(pause)


def owners(place: Path) -> set[str]:
    assert {path.name for path in place.iterdir()} == PAIR.files
    return {path.read_text() for path in place.iterdir()}


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("older", [False, True], ids=["nothing there", "an older one there"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError(28, "No space left on device")])
def test_after_an_error_the_place_is_as_before(tmp_path: Path, error: BaseException, older: bool) -> None:
    place, file = tmp_path / "pair", tmp_path / "file"
    if older:
        write_pair(place, "older")
        file.write_text("older")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    expected = (OutputError,) if isinstance(error, OSError) else (KeyboardInterrupt, RuntimeError)
    with pytest.raises(expected), whole_folder(place, PAIR) as partial:
        (partial / "a.json").write_text("half")
        raise error
    with pytest.raises(expected), whole_file(file) as written:
        written.write_text("half")
        raise error
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert len(list(tmp_path.iterdir())) == (2 if older else 0)


def write_nested(place: Path, content: bytes) -> None:
    with whole_folder(place, PAIR) as partial, whole_file(partial / "a.json") as inner:
        inner.write_bytes(content)


def write_file(place: Path, content: bytes) -> None:
    with whole_file(place) as partial:
        partial.write_bytes(content)


@pytest.mark.parametrize("write", [write_pair, write_nested, write_file])
def test_a_full_disk_is_told_with_the_place_that_the_user_named(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    place, said = tmp_path / "pair", r"pair cannot be written: File too large\.$"
    with small_files(1000), pytest.raises(OutputError, match=said):
        write(place, b"x" * 2000)
    assert list(tmp_path.iterdir()) == []


def test_something_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "pair"
    with pytest.raises(OutputError, match="exists and is not a pair"), whole_folder(place, PAIR) as partial:
        (partial / "a.json").write_text('{"of": 1}')
        place.mkdir()
        (place / "thesis.txt").write_text("years of work")
    assert [path.name for path in tmp_path.rglob("*")] == ["pair", "thesis.txt"]


def test_jobs_at_one_time_do_not_mix(tmp_path: Path) -> None:
    place = tmp_path / "pair"
    with ThreadPoolExecutor(8) as jobs:
        list(jobs.map(lambda owner: write_pair(place, owner, 0.002), range(64)))
    assert len(owners(place)) == 1
    assert list(tmp_path.iterdir()) == [place]


def test_a_killed_job_leaves_the_older_one_and_the_next_job_tidies_up(tmp_path: Path) -> None:
    place = tmp_path / "pair"
    write_pair(place, "older")
    program = (
        "import sys, time; from pathlib import Path\n"
        "from tests.profiling.writing.test_whole import PAIR, whole_folder\n"
        "with whole_folder(Path(sys.argv[1]), PAIR) as partial:\n"
        "    (partial / 'a.json').write_text('half'); print('half', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"half\n"
        write_pair(place, "second")  # while the first still works
        assert len(list(tmp_path.iterdir())) == 2
        os.kill(job.pid, signal.SIGKILL)
    assert owners(place) == {'{"of": "second"}'}
    write_pair(place, "third")
    assert list(tmp_path.iterdir()) == [place]
    assert owners(place) == {'{"of": "third"}'}
