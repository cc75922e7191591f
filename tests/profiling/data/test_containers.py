"""One data set in every container: the images, classes, parts and names are those of the folder, in every process."""

import hashlib
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.data.pictures import Pictures, open_pictures
from tests.profiling.data.containers import LABELS, places, uploaded

NUMBERED = {str(number): label for label, number in LABELS.items()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("containers")
    places(folder)
    return folder


@pytest.fixture(scope="module")
def specs(root: Path) -> Iterator[list[str]]:
    """Names of the data set in every form, on the disk and behind URLs."""
    import fsspec

    names = list(places(root).values())
    memory = uploaded(root, "containers")
    yield [f"{start}/{name}" for start in (str(root), f"file://{root}", memory) for name in names]
    fsspec.filesystem("memory").rm("/containers", recursive=True)


def digest(images: Dataset | Pictures) -> str:
    """Return a number for names, bytes and pixels of all images, in their order."""
    found = hashlib.sha256()
    for i, name in enumerate(images.names):
        found.update(f"{name} {hashlib.sha256(images.content(i)).hexdigest()}".encode())
        found.update(np.asarray(images.image(i)).tobytes())
    return found.hexdigest()


def test_every_container_holds_the_same_data(specs: list[str]) -> None:
    assert len(specs) == 33
    for spec in specs:
        dataset = open_dataset(spec)
        labels = [dataset.classes[label] for label in dataset.labels]
        levels = [int(np.asarray(dataset.image(i))[0, 0]) for i in range(len(dataset))]
        named = [NUMBERED.get(label, label) for label in labels]
        assert sorted(zip(named, levels, strict=True)) == sorted(
            (label, level + i) for label, level in LABELS.items() for i in range(5)
        ), spec
        assert dataset.held_out is not None, spec
        assert sorted(np.array(levels)[dataset.held_out].tolist()) == [3, 4, 103, 104], spec
        assert len(set(dataset.names)) == 10, spec


def test_pictures_of_every_container_are_all_images(specs: list[str]) -> None:
    for spec in specs:
        pictures = open_pictures(spec)
        levels = [int(np.asarray(pictures.image(i))[0, 0]) for i in range(len(pictures))]
        assert sorted(levels) == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104], spec
        assert sorted(pictures.names) == sorted(open_dataset(spec).names), spec


def test_all_threads_and_forked_processes_read_the_same_images(specs: list[str]) -> None:
    for spec in specs:
        dataset = open_dataset(spec)
        expected = digest(dataset)
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda _, of=dataset: digest(of), range(8))) == {expected}, spec
        parent, child = multiprocessing.Pipe(duplex=False)
        # A process that was forked reads beside the one that opened the data.
        process = multiprocessing.get_context("fork").Process(target=lambda: child.send(digest(dataset)))  # noqa: B023
        process.start()
        assert digest(dataset) == expected, spec
        assert parent.poll(60), spec
        assert parent.recv() == expected, spec
        process.join()


def test_another_process_opens_the_images_in_the_same_order(specs: list[str]) -> None:
    local = [spec for spec in specs if not spec.startswith("memory:")]
    program = (
        "import sys\nfrom pathprint.profiling.data.datasets import open_dataset\n"
        "from tests.profiling.data.test_containers import digest\n"
        "for spec in sys.argv[1:]: print(digest(open_dataset(spec)))"
    )
    run = subprocess.run([sys.executable, "-c", program, *local], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [digest(open_dataset(spec)) for spec in local]
