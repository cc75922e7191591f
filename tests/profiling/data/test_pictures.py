"""Images without labels: every image of a place has a name and can be read, whatever the place is."""

import logging
from pathlib import Path

import numpy as np
import pytest

from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.data.pictures import Pictures, open_pictures
from pathprint.profiling.errors import DataError
from tests.profiling.data.test_files import content, packed, picture, unpacked

FLAT = {f"{i}.png": picture(i) for i in range(3)}
NESTED = {"a/0.png": picture(0), "a/b/c/1.jpg": picture(1, "JPEG"), "2.bmp": picture(2, "BMP")}
LAYOUTS = {"flat": FLAT, "nested": NESTED, "classes": content(), "one class": {"cat/1.png": picture(1)}}


def levels(pictures: Pictures) -> dict[str, int]:
    """Return the brightness of each picture by its name."""
    return {name: int(np.asarray(pictures.image(i))[0, 0]) for i, name in enumerate(pictures.names)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_and_archives_of_any_layout_are_read_whole(tmp_path: Path, layout: str) -> None:
    files = LAYOUTS[layout]
    folder, archive = unpacked(tmp_path / "d", files), packed(tmp_path / "d.zip", files)
    for place in (folder, archive):
        pictures = open_pictures(str(place))
        assert sorted(pictures.names) == sorted(files)
        assert [pictures.content(i) for i in range(len(pictures))] == [files[name] for name in pictures.names]
        assert all(pictures.image(i).size == (8, 8) for i in range(len(pictures)))


def test_one_folder_of_a_place_is_read(tmp_path: Path) -> None:
    folder, archive = unpacked(tmp_path / "d", content()), packed(tmp_path / "d.zip", content())
    for place in (f"{folder}:test", f"{archive}:test", f"{folder}/test"):
        assert levels(open_pictures(place)) == {"cat/3.png": 3, "cat/4.png": 4, "dog/3.png": 103, "dog/4.png": 104}


def test_an_image_file_is_one_picture(tmp_path: Path) -> None:
    unpacked(tmp_path, FLAT)
    assert levels(open_pictures(str(tmp_path / "2.png"))) == {"2.png": 2}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_list_of_files_is_read_in_its_order(tmp_path: Path, newline: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(unpacked(tmp_path, FLAT | {"no ending": picture(9), "a\u2028b.png": picture(8)}))
    lines = ["2.png", str(tmp_path / "0.png"), "", "no ending", "a\u2028b.png"]
    (tmp_path / "list.txt").write_bytes(newline.join(lines).encode())
    found = levels(open_pictures("@list.txt"))
    assert list(found.items()) == [("2.png", 2), (lines[1], 0), ("no ending", 9), (lines[4], 8)]


def test_arrays_need_no_labels(tmp_path: Path) -> None:
    images = np.arange(6, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    np.savez(tmp_path / "x.npz", x=images)
    assert levels(open_pictures(str(tmp_path / "x.npz"))) == {f"x/{i}": i for i in range(6)}
    np.savez(tmp_path / "parts.npz", x_train=images[:4], y_train=[0] * 4, x_test=images[4:, :4], y_test=[0] * 2)
    found = levels(open_pictures(str(tmp_path / "parts.npz")))
    assert found == {f"x_train/{i}": i for i in range(4)} | {f"x_test/{i}": 4 + i for i in range(2)}


def test_the_images_of_a_data_set_have_names(tmp_path: Path) -> None:
    for place in (unpacked(tmp_path / "d", content()), packed(tmp_path / "d.zip", content("up/"))):
        dataset = open_dataset(str(place))
        for i, name in enumerate(dataset.names):
            assert content("up/" if place.suffix else "")[name] == dataset.content(i)
            assert dataset.classes[dataset.labels[i]] in name
    digits = open_dataset("digits")
    assert (digits.names[0], digits.names[-1], len(digits.names)) == ("digits/0", "digits/1796", len(digits))
    assert digits.names[5:7] == ["digits/5", "digits/6"]


def test_what_is_no_image_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = FLAT | {".hidden/1.png": picture(1), "notes.txt": b"", "tiffs/1.tif": b""}
    with caplog.at_level(logging.INFO, "pathprint.data"):
        for place in (unpacked(tmp_path / "d", files), packed(tmp_path / "d.zip", files)):
            assert len(open_pictures(str(place))) == 3
    told = (
        "1 hidden or system file or folder (.hidden); 1 file that is no image (notes.txt); "
        "1 image of a type that is not read (tiffs/1.tif)"
    )
    assert [
        message.partition("left out: ")[2].partition("; 1 folder")[0].rstrip(".") for message in caplog.messages
    ] == [told] * 2


def test_places_without_images_are_refused(tmp_path: Path) -> None:
    unpacked(tmp_path, {"empty/notes.txt": b"", "list.txt": b"\n\n", "binary": b"a\0b"})
    np.savez(tmp_path / "y.npz", y=np.zeros(3))
    for place, message in {
        str(tmp_path / "absent"): "there is no data at",
        f"@{tmp_path / 'absent'}": "there is no list of files at",
        f"@{tmp_path / 'list.txt'}": "holds no images",
        f"@{tmp_path / 'binary'}": "is not a list of files",
        str(tmp_path / "empty"): "holds no images",
        str(tmp_path / "list.txt"): "is not a folder, .* A text file that lists images is passed as @FILE",
        str(tmp_path / "y.npz"): "it must hold the array x, x_train or x_test",
    }.items():
        with pytest.raises(DataError, match=message):
            open_pictures(place)
    with pytest.raises(DataError, match="does not say their classes"):
        open_dataset(f"@{tmp_path / 'list.txt'}")
