"""A job goes on with what is there: it trusts nothing that is damaged, and loses nothing to a full disk."""

import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import pathprint
from pathprint.models.network import Network
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.errors import DataError, FitError, JobError, OutputError
from pathprint.profiling.jobs.job import Job
from pathprint.profiling.jobs.network_profile import NetworkProfile

Damage = Callable[[list[Path]], None]


def profiled(network: Network, data: Dataset, run: Path | None) -> NetworkProfile:
    return pathprint.profile(network, data, images_per_class=5, job=Job(run=run))


def same(first: NetworkProfile, second: NetworkProfile, folder: Path) -> bool:
    """Say whether two profiles are stored as equal bytes."""
    for name, made in {"first": first, "second": second}.items():
        made.save(folder / name)
    files = sorted(path.name for path in (folder / "first").iterdir())
    return all((folder / "first" / name).read_bytes() == (folder / "second" / name).read_bytes() for name in files)


@pytest.fixture(scope="module")
def plain(digits_network: Network, digits: Dataset) -> NetworkProfile:
    return profiled(digits_network, digits, None)


def truncated(files: list[Path]) -> None:
    for path in files:
        path.write_bytes(path.read_bytes()[:-7])


def exchanged(files: list[Path]) -> None:
    for path in files[1:]:
        shutil.copy(files[0], path)


def flipped(files: list[Path]) -> None:
    for path in files:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))


def emptied(files: list[Path]) -> None:
    for path in files:
        path.write_bytes(b"")


def removed(files: list[Path]) -> None:
    for path in files:
        path.unlink()


@pytest.mark.parametrize("damage", [truncated, exchanged, flipped, emptied, removed])
def test_shards_that_are_damaged_foreign_or_missing_are_made_again(
    damage: Damage, digits_network: Network, digits: Dataset, plain: NetworkProfile, tmp_path: Path
) -> None:
    profiled(digits_network, digits, tmp_path / "run")
    shards = sorted((tmp_path / "run").rglob("*.safetensors"))
    shards = [path for path in shards if path.parent.name.isdigit()]
    assert len(shards) > 10
    damage(shards[::2])
    assert same(profiled(digits_network, digits, tmp_path / "run"), plain, tmp_path)


@contextmanager
def files_limited(size: int) -> Iterator[None]:
    """Have the operating system refuse to write more than ``size`` bytes into a file, as a full disk would."""
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [0, 3000, 9000])
def test_a_full_disk_ends_a_job_that_goes_on_when_there_is_room(
    size: int, digits_network: Network, digits: Dataset, plain: NetworkProfile, tmp_path: Path
) -> None:
    with files_limited(size), pytest.raises(OutputError, match=r"run.* cannot be written: File too large"):
        profiled(digits_network, digits, tmp_path / "run")
    assert not list(tmp_path.rglob(".pathprint-*"))
    assert same(profiled(digits_network, digits, tmp_path / "run"), plain, tmp_path)


def test_what_is_done_is_not_done_again(digits_network: Network, digits: Dataset, tmp_path: Path) -> None:
    profiled(digits_network, digits, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.safetensors")}
    profiled(digits_network, digits, tmp_path / "run")
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before


def test_other_options_are_refused(digits_network: Network, digits: Dataset, tmp_path: Path) -> None:
    profiled(digits_network, digits, tmp_path / "run")
    with pytest.raises(JobError, match="images_per_class: 5 there, 6 now"):
        pathprint.profile(digits_network, digits, images_per_class=6, job=Job(run=tmp_path / "run"))


@pytest.fixture
def folder(digits: Dataset, tmp_path: Path) -> Path:
    """Two hundred digits as files, three of which cannot be read."""
    for index in range(200):
        label = digits.classes[digits.labels[index]]
        (tmp_path / "images" / label).mkdir(parents=True, exist_ok=True)
        digits.image(index).save(tmp_path / "images" / label / f"{index}.png")
    for path in sorted((tmp_path / "images").rglob("*.png"))[:3]:
        path.write_bytes(path.read_bytes()[:40])
    return tmp_path / "images"


def test_few_bad_images_are_named_and_left_out(
    digits_network: Network, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = pathprint.profile(digits_network, str(folder), job=Job(max_bad_fraction=0.02))
    (told,) = [message for message in caplog.messages if "are left out" in message]
    assert "3 of 200 images are left out" in told and told.count(".png") == 3
    for path in sorted(folder.rglob("*.png"))[:3]:
        path.unlink()
    without = pathprint.profile(digits_network, str(folder))
    assert made.keys == without.keys
    assert np.array_equal(made.signatures.images, without.signatures.images)


def test_too_many_bad_images_end_the_job_with_a_list(digits_network: Network, folder: Path) -> None:
    with pytest.raises(DataError, match=r"3 of 200 images cannot be used, more than the share of 1.0%") as caught:
        pathprint.profile(digits_network, str(folder))
    assert str(caught.value).count(".png") == 3


def test_labels_may_be_the_networks_own_answers(digits_network: Network, digits: Dataset) -> None:
    known = pathprint.profile(digits_network, digits, images_per_class=5, predicted=True)
    assert known.predicted
    assert known.signatures.images.tolist() == [5] * 10


def test_images_that_lie_anywhere_are_profiled_by_the_networks_answers(
    digits_network: Network, digits: Dataset, tmp_path: Path
) -> None:
    for index in range(60):
        (tmp_path / f"images/{index % 7}/deep").mkdir(parents=True, exist_ok=True)
        digits.image(index).save(tmp_path / f"images/{index % 7}/deep/{index}.png")
        digits.image(index + 60).save(tmp_path / f"images/{index + 60}.png")
    made = pathprint.profile(digits_network, str(tmp_path / "images"), predicted=True)
    assert int(made.signatures.images.sum()) == 60  # half of them; the others are left for fit
    with pytest.raises(FitError):  # the folders are taken for classes
        pathprint.profile(digits_network, str(tmp_path / "images"))
