"""No image has two roles, whatever the data; the same data and seed give the same roles."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.data.roles import Images, Split, profile_images, split, split_again, unseen
from pathprint.profiling.errors import DataError, SplitError

CHECKOUT = Path(__file__).parents[3]


def keys(dataset: Dataset, images: np.ndarray[tuple[int], np.dtype[np.int64]]) -> frozenset[int]:
    return frozenset(dataset.keys[images].tolist())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_roles_share_no_image(digits: Dataset, seed: int) -> None:
    profile = keys(digits, profile_images(digits, seed))
    parts = split(digits, profile, seed)
    roles = [profile, *(parts.keys(role) for role in ("fit", "calibrate", "test"))]
    assert sum(map(len, roles)) == len(frozenset().union(*roles)) == len(set(digits.keys.tolist()))
    assert len(unseen(digits, profile | parts.keys("fit") | parts.keys("calibrate"))) >= len(parts.test)


def test_split_is_reproducible(digits: Dataset) -> None:
    first, again = (split(digits, keys(digits, profile_images(digits, 4)), 4) for _ in range(2))
    np.testing.assert_array_equal(first.test.positions, again.test.positions)


def test_overlap_cannot_be_constructed(digits: Dataset) -> None:
    def of(start: int, stop: int) -> Images[Any]:
        return Images(digits, np.arange(start, stop))

    with pytest.raises(SplitError, match="both fit and test"):
        Split(digits, frozenset(), of(0, 10), of(30, 40), of(9, 20))
    with pytest.raises(SplitError, match="both profile and calibrate"):
        Split(digits, of(0, 10).keys, of(30, 40), of(9, 20), of(50, 60))


@pytest.mark.slow
def test_mypy_tells_the_roles_apart(tmp_path: Path) -> None:
    (tmp_path / "leak.py").write_text(
        "from pathprint.profiling.data.roles import Fit, Images, Split\n"
        "def learn(images: Images[Fit]) -> None: ...\n"
        "def leak(parts: Split) -> None:\n"
        "    learn(parts.fit)\n"
        "    learn(parts.test)\n"
    )
    # In the checkout and with its options, so that what `make check` knows already is not worked out again.
    command = [sys.executable, "-m", "mypy", str(tmp_path / "leak.py")]
    found = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=280, check=False).stdout
    assert (
        'leak.py:5: error: Argument 1 to "learn" has incompatible type "Images[Test]"; expected "Images[Fit]"' in found
    )
    assert "leak.py:4:" not in found


def test_a_bundles_images_have_the_same_roles_in_the_same_order_again(digits: Dataset) -> None:
    parts = split(digits, keys(digits, profile_images(digits, 3)), 3)
    again = split_again(digits, {role: parts.keys(role) for role in ("profile", "fit", "calibrate")})
    for role in ("fit", "calibrate", "test"):
        np.testing.assert_array_equal(getattr(again, role).positions, getattr(parts, role).positions)
    assert again.profiled.keys == parts.profile


def test_nothing_is_left_to_test_where_everything_was_used(digits: Dataset) -> None:
    used = {"profile": keys(digits, np.arange(len(digits))), "fit": frozenset[int](), "calibrate": frozenset[int]()}
    with pytest.raises(SplitError, match="every image of digits was used"):
        split_again(digits, used)


def test_equal_images_count_as_one(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "d.npz", x=np.concatenate([images, images]), y=np.zeros(80, dtype=int))
    dataset = open_dataset(str(tmp_path / "d.npz"))
    parts = split(dataset, keys(dataset, profile_images(dataset)))
    assert len(profile_images(dataset)) + len(parts.fit) + len(parts.calibrate) + len(parts.test) == 40


def test_set_apart_images_are_never_profiled(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (60, 8, 8)).astype(np.uint8)
    # Ten of the test images are also among the training images: a leak in the data itself.
    x_test = np.concatenate([images[:10], images[40:]])
    np.savez(tmp_path / "d.npz", x_train=images[:40], y_train=np.zeros(40, int), x_test=x_test, y_test=np.ones(30, int))
    dataset = open_dataset(str(tmp_path / "d.npz"))
    profiled = profile_images(dataset)
    assert profiled.max() < 40
    parts = split(dataset, keys(dataset, profiled))
    assert len(parts.fit) + len(parts.calibrate) + len(parts.test) == 20


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8), y=np.zeros(3, int))
    dataset = open_dataset(str(tmp_path / "d.npz"))
    with pytest.raises(SplitError, match="none is left for"):
        split(dataset, keys(dataset, profile_images(dataset)))


def png(level: int, size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, level).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with ZipFile(tmp_path / "d.zip", "w") as file:
        for part, count in (("train", 4), ("val", 2)):
            for label in ("cat", "dog"):
                for i in range(count):
                    file.writestr(f"{part}/{label}/{i}.png", png(i + 10 * (part == "val") + 100 * (label == "dog")))
        file.writestr("readme.txt", "not an image")
    return tmp_path / "d.zip"


def test_archive_folder_and_unpacked_folder_are_the_same_data(archive: Path, tmp_path: Path) -> None:
    with ZipFile(archive) as file:
        file.extractall(tmp_path / "unpacked")
    packed, unpacked = open_dataset(str(archive)), open_dataset(str(tmp_path / "unpacked"))
    assert packed.classes == unpacked.classes == ("cat", "dog")
    np.testing.assert_array_equal(packed.labels, unpacked.labels)
    np.testing.assert_array_equal(packed.keys, unpacked.keys)
    assert packed.held_out is not None
    assert int(packed.held_out.sum()) == 4
    inside = open_dataset(f"{archive}:train")
    assert len(inside) == 8
    assert inside.held_out is None


def test_labels_are_matched_by_name_or_map(archive: Path) -> None:
    dataset = open_dataset(str(archive))
    assert set(dataset.matched_to(["dog", "bird", "cat"]).labels.tolist()) == {0, 2}
    swapped = dataset.matched_to(["x", "y", "z"], {"cat": 2, "dog": 1})
    assert set(swapped.labels.tolist()) == {1, 2}
    assert swapped.matched_to(["x", "y", "z"], {"x": 1}) is swapped
    with pytest.raises(DataError, match="no class called 'cat', 'dog'"):
        dataset.matched_to(["x", "y"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, "holds a; it must hold the arrays x and y, or x_train"),
        ({"x": np.zeros((3, 8)), "y": np.zeros(3, int)}, r"has shape \(3, 8\)"),
        ({"x": np.zeros((3, 8, 8)), "y": np.zeros(2, int)}, "x has 3 images and y 2 labels"),
        (
            {"x": np.full((3, 8, 8), 7.0), "y": np.zeros(3, int)},
            "float64 with values from 7 to 7; integers in 0 .. 255 or float in",
        ),
        ({"x": np.zeros((3, 8, 8), object), "y": np.zeros(3, int)}, "without pickle"),
    ],
)
def test_bad_arrays_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        open_dataset(str(tmp_path / "d.npz"))


def test_bad_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    (tmp_path / "flat.txt").write_text("x")
    for name, message in {
        "absent": "there is no data at",
        "empty": "no class folders",
        "bad.zip": "not a readable zip",
        "flat.txt": "not a folder",
    }.items():
        with pytest.raises(DataError, match=message):
            open_dataset(str(tmp_path / name))


def test_damaged_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "d" / "cat").mkdir(parents=True)
    (tmp_path / "d" / "cat" / "bad.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(DataError, match=r"cat/bad\.png: the bytes are not"):
        open_dataset(str(tmp_path / "d")).image(0)
