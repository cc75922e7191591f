"""Folders and archives as people have them: every image is used or named, whatever lies beside it."""

import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.data.places import place_of
from pathprint.profiling.errors import DataError
from tests.profiling.data.containers import LABELS, content, packed, picture, unpacked

CLUTTER = [
    ".ipynb_checkpoints/x.png",
    "train/.ipynb_checkpoints/x.png",
    "train/cat/.ipynb_checkpoints/x.png",
    "train/cat/._1.png",
    "train/cat/.2.png",
    "train/Thumbs.db",
    "desktop.ini",
    ".DS_Store",
    "__MACOSX/train/cat/._1.png",
    "@eaDir/x.png",
]


def check_whole(dataset: Dataset) -> None:
    """Check that it is the data set of ``content``, no image more and none less."""
    levels = [(dataset.classes[label], np.asarray(dataset.image(i))[0, 0]) for i, label in enumerate(dataset.labels)]
    assert sorted(levels) == sorted((label, level + i) for label, level in LABELS.items() for i in range(5))
    assert dataset.held_out is not None
    assert dataset.held_out.sum() == 4


@pytest.mark.parametrize("left", ["train/bird/0001", "train/bird/0001.image", "train/bird/notes.txt", "bird/1.xml"])
@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_folder_without_images_is_warned_about_whatever_else_it_holds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, left: str, kind: str
) -> None:
    files = {**content(), left: picture(3)}
    place = unpacked(tmp_path / "d", files) if kind == "folder" else packed(tmp_path / "d.zip", files)
    check_whole(open_dataset(str(place)))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert f"1 file that is no image ({left}); 1 folder without images ({left.rpartition('/')[0]})" in caplog.text


@pytest.mark.parametrize("clutter", CLUTTER)
def test_what_systems_leave_behind_is_skipped_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, clutter: str
) -> None:
    files = content() | {clutter: picture(200)}
    places = [str(unpacked(tmp_path / "d", files)), str(packed(tmp_path / "d.zip", files))]
    with caplog.at_level(logging.INFO, "pathprint.data"):
        for place in places:
            check_whole(open_dataset(place))
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    named = next(part for part in clutter.split("/") if part.startswith((".", "_", "@", "T", "d")))
    for place, message in zip(places, caplog.messages, strict=True):
        assert message.startswith(f"{place}: left out: 1 hidden or system file or folder (")
        assert named in message


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"readme.txt": b"", "train/labels.csv": b""}, "2 files that are no images (readme.txt, train/labels.csv)"),
        (
            {"preview.png": picture(1), "train/x.PNG": picture(2)},
            "2 images in no class folder (preview.png, train/x.PNG)",
        ),
        (
            {"train/cat/9.tif": b"II*\0", "logo.gif": b""},
            "2 images of types that are not read (logo.gif, train/cat/9.tif)",
        ),
    ],
)
def test_what_is_not_used_is_counted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, files: dict[str, bytes], told: str
) -> None:
    with caplog.at_level(logging.INFO, "pathprint.data"):
        check_whole(open_dataset(str(unpacked(tmp_path / "d", content() | files))))
        check_whole(open_dataset(str(packed(tmp_path / "d.zip", content() | files))))
    assert [message.partition("left out: ")[2] for message in caplog.messages] == [f"{told}."] * 2


def test_folders_without_images_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unpacked(tmp_path, content())
    (tmp_path / "train" / "bird" / "young").mkdir(parents=True)
    check_whole(open_dataset(str(tmp_path)))
    assert caplog.messages == [f"{tmp_path}: left out: 1 folder without images (train/bird)."]


@pytest.mark.parametrize("ending", ["PNG", "Jpg", "JPEG", "jfif", "JFIF", "jpe", "BMP", "WebP"])
def test_a_class_may_have_any_ending_of_the_formats_that_are_read(tmp_path: Path, ending: str) -> None:
    form = {"png": "PNG", "bmp": "BMP", "webp": "WEBP"}.get(ending.lower(), "JPEG")
    unpacked(tmp_path, {"cat/1.png": picture(1), f"dog/1.{ending}": picture(100, form)})
    dataset = open_dataset(str(tmp_path))
    assert dataset.classes == ("cat", "dog")
    assert dataset.image(1).size == (8, 8)


@pytest.mark.parametrize("ending", ["tif", "TIFF", "gif", "heic", "ppm"])
def test_a_class_of_another_image_type_is_refused(tmp_path: Path, ending: str) -> None:
    unpacked(tmp_path, {"cat/1.png": picture(1), f"dog/1.{ending}": b"x", f"dog/2.{ending}": b"x"})
    with pytest.raises(DataError, match=rf"all images in dog are of a type that is not read \(\.{ending.lower()}\)"):
        open_dataset(str(tmp_path))


@pytest.mark.parametrize("linked", ["train", "test", "train/cat", "test/dog", "train/cat/0.png", ""])
def test_links_are_followed(tmp_path: Path, linked: str) -> None:
    root = unpacked(tmp_path / "d", content())
    (root / linked).rename(tmp_path / "elsewhere")
    (root / linked).symlink_to(tmp_path / "elsewhere")
    check_whole(open_dataset(str(root)))


def test_links_without_an_end_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unpacked(tmp_path, content())
    for target, link in (("..", "train/cat/up"), ("absent", "test/broken.png"), ("self", "self"), (".", "round")):
        (tmp_path / link).symlink_to(target)
    check_whole(open_dataset(str(tmp_path)))
    told = "4 links that cannot be followed (round, self, test/broken.png, …)"
    assert caplog.messages == [f"{tmp_path}: left out: {told}."]


@pytest.mark.parametrize("below", ["", "train/cat"])
def test_folders_may_lie_deep_in_one_another(tmp_path: Path, below: str, caplog: pytest.LogCaptureFixture) -> None:
    root = unpacked(tmp_path / "d", content())
    deep = [root / below]
    for _ in range(1500):
        deep.append(deep[-1] / "a")
        deep[-1].mkdir()
    try:
        if below:
            (deep[-1] / "2.png").write_bytes((root / "train/cat/2.png").read_bytes())
            (root / "train/cat/2.png").unlink()
        check_whole(open_dataset(str(root)))
        assert caplog.messages == ([] if below else [f"{root}: left out: 1 folder without images (a)."])
    finally:  # which shutil.rmtree cannot do
        (deep[-1] / "2.png").unlink(missing_ok=True)
        for folder in deep[:0:-1]:
            folder.rmdir()


def test_names_that_lead_out_of_an_archive_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outside = {name: picture(1) for name in ("../x.png", "train/../../x.png", "..\\x.png", "train/cat/../9.png")}
    check_whole(open_dataset(str(packed(tmp_path / "d.zip", content() | outside))))
    named = "3 names with '..' that lead out of the archive (../x.png, train/../../x.png, train/cat/../9.png)"
    assert caplog.messages == [f"{tmp_path / 'd.zip'}: left out: {named}."]
    only = packed(tmp_path / "o.zip", {"../cat/1.png": picture(1), "../dog/2.png": picture(2)})
    with pytest.raises(DataError, match="no class folders with images were found"):
        open_dataset(str(only))
    assert "2 names with '..' that lead out of the archive (../cat/1.png, ../dog/2.png)" in caplog.messages[-1]


def test_links_in_an_archive_are_not_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = packed(tmp_path / "d.zip", content())
    link = zipfile.ZipInfo("train/cat/7.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, b"0.png")
    check_whole(open_dataset(str(path)))
    assert caplog.messages == [f"{path}: left out: 1 link that cannot be followed (train/cat/7.png)."]


@pytest.mark.parametrize("prefix", ["", "d/", "./", "deep/er/", "/", "/home/me/d/", "C:/", "c:/d/"])
@pytest.mark.parametrize("sep", ["/", "\\"])
@pytest.mark.parametrize("name", ["d.zip", "D.ZIP", "d.e.Zip"])
def test_archives_of_all_systems_are_read(tmp_path: Path, prefix: str, sep: str, name: str) -> None:
    path = packed(tmp_path / name, content(prefix), sep)
    check_whole(open_dataset(str(path)))
    part = open_dataset(f"{path}:{prefix.removeprefix('./').removeprefix('/')}train")
    assert (len(part), part.held_out) == (6, None)


def test_one_folder_of_a_place_is_used(tmp_path: Path) -> None:
    folder, archive = unpacked(tmp_path / "d", content()), packed(tmp_path / "a.zip", content("d/"))
    for place in (f"{folder}:train", f"{folder}:train/", f"{folder}/train", f"{archive}:train", f"{archive}:d/train"):
        assert len(open_dataset(place)) == 6
    odd = unpacked(tmp_path / "12:30", content())
    check_whole(open_dataset(str(odd)))
    assert len(open_dataset(f"{odd}:train")) == 6
    (tmp_path / "x.npz").write_bytes(b"")
    for place, message in {
        f"{folder}:absent": "holds no folder 'absent'",
        f"{archive}:absent": "holds no folder 'absent'; its folders are d",
        f"{tmp_path / 'x.npz'}:train": "holds no folders such as 'train'",
        f"{tmp_path}/b.zip:train": r"there is no data at .*/b\.zip;",
        ":train": "there is no data at :train",
    }.items():
        with pytest.raises(DataError, match=message):
            open_dataset(place)


def test_relative_places_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(unpacked(tmp_path, content()))
    assert place_of("./train:cat") == place_of("train:cat/") == place_of("train/:cat")


def locked(data: bytearray) -> None:
    for magic, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = data.find(magic)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(magic, at + 4)


def garbled(data: bytearray) -> None:
    data[data.find(b"IDAT") + 6] ^= 255


def unknown_method(data: bytearray) -> None:
    for magic, method in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        data[data.find(magic) + method] = 99


def cut(data: bytearray) -> None:
    del data[len(data) // 2 :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (locked, "10 of 10 images are locked by a password"),
        (garbled, r"train/cat/0\.png cannot be read \(Bad CRC-32"),
        (unknown_method, r"train/cat/0\.png cannot be read \("),
        (cut, "is not a readable zip archive"),
    ],
)
def test_damaged_archives_are_refused(tmp_path: Path, damage: Callable[[bytearray], None], message: str) -> None:
    data = bytearray(packed(tmp_path / "d.zip", content()).read_bytes())
    damage(data)
    (tmp_path / "d.zip").write_bytes(data)
    with pytest.raises(DataError, match=message):
        open_dataset(str(tmp_path / "d.zip")).keys  # noqa: B018  # it reads every image
