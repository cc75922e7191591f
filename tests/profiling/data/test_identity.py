"""A picture is the same in whatever file or array it lies, and another one if a single pixel differs."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pathprint.models.preprocessing import decode
from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.data.identity import picture
from pathprint.profiling.data.roles import profile_images, split, split_again, unseen
from pathprint.profiling.errors import SplitError

TURNED = 6
"""The EXIF orientation of a picture that is to be turned by 90 degrees to the right."""


def stored(image: Image.Image, kind: str, **options: object) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return decode(buffer.getvalue())


def turned(image: Image.Image) -> Image.Image:
    exif = Image.Exif()
    exif[0x0112] = TURNED
    return stored(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)


LOSSLESS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "array": lambda image: Image.fromarray(np.asarray(image)),
    "PNG": lambda image: stored(image, "PNG"),
    "BMP": lambda image: stored(image, "BMP"),
    "WebP": lambda image: stored(image, "WEBP", lossless=True),
    "colour": lambda image: stored(image.convert("RGB"), "PNG"),
    "opaque": lambda image: stored(image.convert("RGBA"), "PNG"),
    "palette": lambda image: stored(image.quantize(256) if image.mode == "RGB" else image.convert("P"), "PNG"),
    "turned": turned,
}


@pytest.mark.parametrize("way", LOSSLESS)
@pytest.mark.parametrize("shape", [(8, 8), (6, 10), (8, 8, 3), (10, 6, 3)])
def test_lossless_copies_are_one_picture(way: str, shape: tuple[int, ...]) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8))
    assert picture(LOSSLESS[way](image)) == picture(image)


@given(arrays(np.uint8, (4, 4, 3)), st.integers(0, 47), st.integers(1, 255))
def test_one_changed_value_makes_another_picture(values: np.ndarray, place: int, change: int) -> None:
    other = values.copy()
    other.reshape(-1)[place] ^= np.uint8(change)
    assert picture(Image.fromarray(values)) != picture(Image.fromarray(other))


def test_size_is_part_of_a_picture() -> None:
    sizes = [(4, 4), (2, 8), (8, 2), (1, 16), (16, 1), (2, 2), (12, 4)]
    assert len({picture(Image.new("L", size)) for size in sizes}) == len(sizes)


def of_files(folder: Path, digits: Dataset, kind: str) -> Dataset:
    for index in range(60):
        file = folder / kind / str(digits.labels[index]) / f"{index}.{kind}"
        file.parent.mkdir(parents=True, exist_ok=True)
        digits.image(index).convert("RGB").save(file)
    return open_dataset(str(folder / kind))


def test_same_pictures_in_other_containers_are_seen(tmp_path: Path, digits: Dataset) -> None:
    original, copies = of_files(tmp_path, digits, "png"), [of_files(tmp_path, digits, "bmp")]
    with ZipFile(tmp_path / "d.zip", "w") as file:
        for path in (tmp_path / "png").rglob("*.png"):
            file.write(path, path.relative_to(tmp_path / "png"))
    x = np.stack([np.asarray(digits.image(i)) for i in range(60)])
    np.savez(tmp_path / "d.npz", x=x, y=digits.labels[:60])
    copies += [open_dataset(str(tmp_path / name)) for name in ("d.zip", "d.npz")]
    used = frozenset(original.keys.tolist())
    for copy in copies:
        assert len(unseen(copy, used)) == 0
        with pytest.raises(SplitError, match=r"every image of .* was used"):
            split_again(copy, {"profile": used, "fit": frozenset(), "calibrate": frozenset()})


def test_keys_of_files_in_older_bundles_are_still_known(tmp_path: Path, digits: Dataset) -> None:
    dataset = of_files(tmp_path, digits, "png")
    old = frozenset(dataset.content_keys[profile_images(dataset)].tolist())
    assert not old & frozenset(dataset.keys.tolist())
    parts = split(dataset, old)
    assert len(parts.profiled) == len(old) == 60 - len(parts.fit) - len(parts.calibrate) - len(parts.test)


def test_arrays_of_square_images_have_the_keys_that_they_had(digits: Dataset) -> None:
    np.testing.assert_array_equal(digits.keys, digits.content_keys)


def test_what_cannot_be_decoded_goes_by_its_bytes(tmp_path: Path, digits: Dataset) -> None:
    of_files(tmp_path, digits, "png")
    for number in range(2):
        (tmp_path / "png" / "0" / f"bad{number}.png").write_bytes(b"no image %d" % number)
    dataset = open_dataset(str(tmp_path / "png"))
    assert len(set(dataset.keys.tolist())) == 62
    assert len(set(dataset.keys.tolist()) & set(dataset.content_keys.tolist())) == 2
    assert len(replace(dataset, labels=dataset.labels[:0]).keys) == 0
