"""Arrays as people have them: their images and labels are read whatever their types are, or refused in one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.errors import DataError

IMAGES = np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8)


def arrays(path: Path, **held: Any) -> str:
    np.savez_compressed(path / "d.npz", **held)
    return str(path / "d.npz")


@pytest.mark.parametrize("numbers", [[0, 217, 482, 0, 217, 482], [0, 2_000_000_000, 7, 7, 7, 2**62], [3] * 6])
@pytest.mark.parametrize("kind", ["int64", "uint64"])
def test_labels_are_the_numbers_that_occur(tmp_path: Path, numbers: list[int], kind: str) -> None:
    dataset = open_dataset(arrays(tmp_path, x=IMAGES, y=np.array(numbers, kind)))
    assert dataset.classes == tuple(map(str, sorted(set(numbers))))
    assert [int(dataset.classes[label]) for label in dataset.labels] == numbers


def test_integer_labels_are_class_numbers_of_a_network_with_names(tmp_path: Path) -> None:
    dataset = open_dataset(arrays(tmp_path, x=IMAGES, y=np.array([0, 217, 482] * 2)))
    assert dataset.matched_to([f"class {i}" for i in range(1000)]).labels.tolist() == [0, 217, 482] * 2
    with pytest.raises(DataError, match="no class '217', '482'"):
        dataset.matched_to(list("abc"))


@pytest.mark.parametrize("kind", ["uint8", "int64", "uint16", "float16", "float32", "float64"])
def test_equal_images_of_any_type_are_equal(tmp_path: Path, kind: str) -> None:
    stored = (IMAGES / 255 if "float" in kind else IMAGES).astype(kind)
    dataset = open_dataset(arrays(tmp_path, x=stored[..., None], y=np.zeros(6, int)))
    np.testing.assert_array_equal([np.asarray(dataset.image(i)) for i in range(6)], IMAGES)


@pytest.mark.parametrize("images", [IMAGES // 16, IMAGES // 200, IMAGES / 255 / 16], ids=["0..15", "0..1", "0..0.06"])
def test_images_of_another_range_are_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, images: np.ndarray
) -> None:
    open_dataset(arrays(tmp_path, x=images, y=np.zeros(6, int)))
    assert "as if they were scaled to another range" in caplog.text


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"x": IMAGES * 1.0}, "float64 with values from 0 to 255; integers in 0 .. 255 or float in"),
        ({"x": IMAGES / 255 * 2 - 1}, "float64 with values from -1 to 1"),
        ({"x": IMAGES / 255 * np.nan}, "values from nan to nan"),
        ({"x": IMAGES.astype(int) - 1}, "int64 with values from -1 to"),
        ({"x": IMAGES.astype(int) * 2}, "int64 with values from 0 to 510"),
        ({"x": IMAGES > 3}, "is bool"),
        ({"x": IMAGES[..., None].repeat(4, 3)}, r"has shape \(6, 8, 8, 4\)"),
        ({"x": IMAGES[:, :0]}, r"has shape \(6, 0, 8\)"),
        ({"y": np.zeros(6)}, "labels of type float64; each image needs one integer"),
        ({"y": np.arange(6) - 1}, "each image needs one integer >= 0"),
        ({"y": np.full(6, 2**64 - 1, np.uint64)}, "class numbers are smaller"),
        ({"x_train": IMAGES}, "it must hold the arrays x and y"),
    ],
)
def test_arrays_that_are_no_labelled_images_are_refused(
    tmp_path: Path, held: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(arrays(tmp_path, **({"x": IMAGES, "y": np.zeros(6, int)} | held)))


def test_parts_of_other_shapes_are_refused(tmp_path: Path) -> None:
    wider = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1)))
    y = np.zeros(6, int)
    with pytest.raises(DataError, match="images of x_train are 8 x 8, those of x_test 10 x 10"):
        open_dataset(arrays(tmp_path, x_train=IMAGES, y_train=y, x_test=wider, y_test=y))
    with pytest.raises(DataError, match="it must hold the arrays"):
        open_dataset(arrays(tmp_path, x_train=IMAGES, y_train=y, x_test=IMAGES))


def test_arrays_of_other_names_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    open_dataset(arrays(tmp_path, x=IMAGES, y=np.zeros(6, int), x_val=IMAGES, y_val=np.zeros(6, int)))
    assert "left out: 2 arrays of other names (x_val, y_val)" in caplog.text


def test_files_that_are_no_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", IMAGES)
    for data in ((tmp_path / "one.npy").read_bytes(), b"", b"hello", b"\x80\x04N."):
        (tmp_path / "d.npz").write_bytes(data)
        with pytest.raises(DataError, match=r"d\.npz is not an \.npz file, or is damaged; numpy\.savez"):
            open_dataset(str(tmp_path / "d.npz"))


@pytest.mark.parametrize("seed", range(20))
def test_damaged_array_files_are_refused_or_read(tmp_path: Path, seed: int) -> None:
    """No damage ends in anything but the right images or one sentence."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 255, (6, 8, 8)).astype(np.uint8)
    path = Path(arrays(tmp_path, x=noise, y=np.zeros(6, int)))
    data = bytearray(path.read_bytes())
    if seed % 4 == 0:
        del data[int(random.integers(1, len(data))) :]
    for at in random.integers(0, len(data), 3):
        data[at] ^= 255
    path.write_bytes(data)
    try:
        np.testing.assert_array_equal(np.asarray(open_dataset(str(path)).image(5)), noise[5])
    except DataError as error:
        assert str(path) in str(error)
