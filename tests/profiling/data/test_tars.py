"""Tar archives: nothing leads out of them, damage is seen, and samples have the labels that are written beside them."""

import bz2
import gzip
import io
import json
import logging
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.data.pictures import open_pictures
from pathprint.profiling.data.stored import MAX_BYTES
from pathprint.profiling.errors import DataError
from tests.profiling.data.containers import content, picture, tarred

ODD = {
    "link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "pipe": tarfile.FIFOTYPE,
}


@pytest.mark.parametrize("kind", ODD)
def test_entries_that_are_no_files_are_left_out_and_named(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tarred(tmp_path / "d.tar", content())
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("train/cat/odd.png")
        info.type, info.linkname = ODD[kind], "/etc/passwd"
        archive.addfile(info)
    assert len(open_dataset(str(path))) == 10
    assert "(train/cat/odd.png)" in caplog.text


@pytest.mark.parametrize("name", ["/train/cat/0.png", "./train//cat/./0.png", "train\\cat\\0.png"])
def test_names_are_those_below_the_archive(tmp_path: Path, name: str) -> None:
    path = tarred(tmp_path / "d.tar", {"train/cat/1.png": picture(1), "train/dog/1.png": picture(2), name: picture(7)})
    pictures = open_pictures(str(path))
    assert pictures.names[0] == "train/cat/0.png"
    assert pictures.content(0) == picture(7)


def test_names_that_lead_out_of_an_archive_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tarred(tmp_path / "d.tar", content() | {"train/cat/../../../x.png": picture(1), "../x.png": picture(1)})
    assert len(open_dataset(str(path))) == 10
    assert "x.png" in caplog.text


def test_of_several_entries_of_one_name_the_last_counts(tmp_path: Path) -> None:
    path = tarred(tmp_path / "d.tar", content())
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("train/cat/0.png")
        info.size = len(picture(55))
        archive.addfile(info, io.BytesIO(picture(55)))
    pictures = open_pictures(str(path))
    assert len(pictures) == 10
    assert pictures.content(pictures.names.index("train/cat/0.png")) == picture(55)


@pytest.mark.parametrize("ending", [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar"])
@pytest.mark.parametrize("packing", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_archives_are_refused(tmp_path: Path, ending: str, packing: Callable[[bytes], bytes]) -> None:
    data = tarred(tmp_path / "plain.tar", content()).read_bytes()
    (tmp_path / f"d{ending}").write_bytes(packing(data))
    for open_any in (open_dataset, open_pictures):
        with pytest.raises(DataError, match="is a compressed tar archive, of which no single image can be read; "):
            open_any(str(tmp_path / f"d{ending}"))


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_archive_that_was_cut_or_damaged_is_refused_or_read_whole(tmp_path: Path, data: st.DataObject) -> None:
    whole = tarred(tmp_path / "whole.tar", content()).read_bytes()
    used = 10 * 1024  # ten entries of a header and one block
    garbled = bytearray(whole[: data.draw(st.integers(0, used - 1) | st.just(len(whole)))])
    if garbled and len(garbled) == len(whole):
        garbled[data.draw(st.integers(0, 9)) * 1024 + data.draw(st.integers(0, 511))] ^= 255
    (tmp_path / "d.tar").write_bytes(garbled)
    if 0 < len(garbled) < used and len(garbled) % 1024 == 0:
        return  # cut where an entry ends: nothing tells
    with pytest.raises(DataError, match=r"d\.tar"):
        open_pictures(str(tmp_path / "d.tar"))


def test_files_that_are_no_tar_archives_are_refused(tmp_path: Path) -> None:
    for data in (b"", b"hello", b"PK\x05\x06" + bytes(18), bytes(10), np.random.default_rng(0).bytes(5000)):
        (tmp_path / "d.tar").write_bytes(data)
        with pytest.raises(DataError, match=r"d\.tar is not a readable tar archive|d\.tar is damaged"):
            open_pictures(str(tmp_path / "d.tar"))


def test_a_member_that_claims_to_be_enormous_is_not_read(tmp_path: Path) -> None:
    size = MAX_BYTES + 1
    with (tmp_path / "d.tar").open("wb") as file:
        info = tarfile.TarInfo("cat/0.png")
        info.size = size
        file.write(info.tobuf())
        file.truncate(512 + size // 512 * 512 + 512 + 1024)  # a file with a gap: it takes no room
    with pytest.raises(DataError, match=r"cat/0\.png is too large for an image"):
        open_pictures(str(tmp_path / "d.tar")).image(0)


def test_an_archive_that_shrank_is_seen(tmp_path: Path) -> None:
    path = tarred(tmp_path / "d.tar", content())
    pictures = open_pictures(str(path))
    path.write_bytes(path.read_bytes()[:2048])
    with pytest.raises(DataError, match="the archive ends before it"):
        pictures.image(9)


def sample(**fields: object) -> dict[str, bytes]:
    """Return files of a sample by their endings; a field without a value is the image."""
    made = {"cls": lambda value: str(value).encode(), "json": lambda value: json.dumps(value).encode()}
    return {f"s.{field}": made[field](value) if field in made else picture(5) for field, value in fields.items()}


@pytest.mark.parametrize(
    ("files", "label"),
    [
        (sample(png=0, cls=7), "7"),
        (sample(jpg=0, cls=" 7\n"), "7"),
        (sample(webp=0, json={"label": 3, "cls": 4}), "3"),
        (sample(jpeg=0, json={"cls": "cat"}), "cat"),
        (sample(bmp=0, json={"label": "7"}, txt=0), "7"),
        (sample(png=0, cls=7, json={"label": 7}), "7"),
        (sample(png=0, cls=7, json={"width": 9}), "7"),
        (sample(PNG=0, cls=7), "7"),
        (sample(**{"png": 0, "cls": 7, "seg.png": 0}), "7"),
        ({f"a/b.c/{name}": data for name, data in sample(png=0, cls=2).items()}, "2"),
    ],
)
def test_a_sample_has_the_label_beside_it(tmp_path: Path, files: dict[str, bytes], label: str) -> None:
    tarred(tmp_path / "0.tar", files)
    tarred(tmp_path / "1.tar", files)
    for spec, count in ((tmp_path / "0.tar", 1), (tmp_path, 2), (tmp_path / "{0..1}.tar", 2)):
        dataset = open_dataset(str(spec))
        assert [dataset.classes[number] for number in dataset.labels] == [label] * count
        assert dataset.image(count - 1).size == (8, 8)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (sample(png=0, jpg=0, cls=1), r"s\.png and 0\.tar/s\.jpg are images of one sample"),
        (sample(png=0), r"1 of 2 images have no label \(0\.tar/s\.png, …\)"),
        (sample(png=0, json={"width": 3}), "images have no label"),
        (sample(png=0, json=[3]), "images have no label"),
        (sample(png=0, json={"label": 1.5}), "images have no label"),
        (sample(png=0, json={"label": True}), "images have no label"),
        (sample(png=0, cls=""), "images have no label"),
        (sample(png=0, cls=1, json={"label": 2}), "says that the label of its image is 2, and another file says 1"),
        (sample(png=0, cls="cat"), "some labels are whole numbers and others are not"),
        (sample(png=0, cls=-1), "there are labels from -1 to 0; each image needs a class number >= 0"),
        (sample(png=0, cls=2**64), "each image needs a class number"),
        (sample(png=0) | {"s.json": b"{"}, r"s\.json holds no label that can be read"),
        (sample(png=0) | {"s.json": b"[" * 100_000}, r"s\.json holds no label that can be read"),
        (sample(png=0) | {"s.cls": b"\xff"}, r"s\.cls holds no label that can be read"),
    ],
)
def test_unclear_labels_are_refused(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    tarred(tmp_path / "0.tar", files)
    tarred(tmp_path / "1.tar", sample(png=0, json={"label": 0}))
    with pytest.raises(DataError, match=message):
        open_dataset(str(tmp_path))


def test_notes_beside_class_folders_are_no_labels(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notes = {"train/cat/0.json": b'{"size": 3}', "label.json": b'{"label": 1}', "x.cls": b"1"}
    notes["big.json"] = b" " * (2 << 20)
    with caplog.at_level(logging.INFO, "pathprint.data"):
        assert open_dataset(str(tarred(tmp_path / "d.tar", content() | notes))).classes == ("cat", "dog")
    assert "4 files that are no images" in caplog.text


def test_texts_beside_samples_are_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pathprint.data"):
        open_dataset(str(tarred(tmp_path / "d.tar", sample(png=0, cls=1, txt=0))))
    assert "left out: 1 file that is no image (s.txt)" in caplog.text


def test_braces_that_stand_for_missing_files_are_refused(tmp_path: Path) -> None:
    tarred(tmp_path / "d-008.tar", sample(png=0, cls=1))
    tarred(tmp_path / "d-010.tar", sample(png=0, cls=1))
    assert len(open_dataset(f"{tmp_path}/d-{{010..010}}.tar")) == 1
    for pattern, message in {
        "d-{008..010}.tar": r"there is no file .*d-009\.tar",
        "d-{010..008}.tar": "count upwards",
        "d-{0..99999999}.tar": "stands for 100,000,000 files",
        "e-*.tar": r"there is no file .*e-\*\.tar",
    }.items():
        with pytest.raises(DataError, match=message):
            open_pictures(f"{tmp_path}/{pattern}")
