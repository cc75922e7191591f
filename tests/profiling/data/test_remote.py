"""Data behind URLs: only what is needed is loaded, and whatever goes wrong is one sentence with the URL in it."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.data.pictures import open_pictures
from pathprint.profiling.data.places import place_of
from pathprint.profiling.errors import DataError, MissingExtraError
from tests.profiling.data.containers import content, packed, picture, tables, tarred, unpacked, uploaded


class Far(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system that counts the bytes that are loaded, and fails when it is told to."""

    protocol = "far"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    loaded = 0
    failure: Exception | None = None

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("far://")))

    def _open(self, path: str, *args: Any, **options: Any) -> Any:
        if Far.failure:
            raise Far.failure
        file = super()._open(path, *args, **options)
        read = file.read

        def counted(*size: int) -> bytes:
            data: bytes = read(*size)
            Far.loaded += len(data)
            return data

        file.read = counted
        return file

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        with self.open(path) as file:
            file.seek(start or 0)
            return bytes(file.read(-1 if end is None else end - (start or 0)))

    def find(self, *args: Any, **options: Any) -> Any:
        if Far.failure:
            raise Far.failure
        return super().find(*args, **options)


@pytest.fixture
def far(tmp_path: Path) -> Iterator[str]:
    """The URL of a folder on ``Far`` that holds an archive, a folder and tables, with noise in each."""
    fsspec.register_implementation("far", Far, clobber=True)
    files = {f"{part}/{name}/{i}.bmp": noise(i) for part in ("train", "test") for name in ("a", "b") for i in range(50)}
    packed(tmp_path / "d.zip", files)
    tarred(tmp_path / "d.tar", files)
    unpacked(tmp_path / "folder", files)
    tables(tmp_path / "tables", {name.replace("bmp", "png"): data for name, data in files.items()}, ("a", "b"))
    np.savez(tmp_path / "d.npz", x=np.zeros((6, 8, 8), np.uint8), y=np.zeros(6, int))
    system = Far()
    for file in tmp_path.rglob("*.*"):
        system.pipe_file(f"/d/{file.relative_to(tmp_path)}", file.read_bytes())
    yield "far://d"
    Far.store.clear()
    Far.failure = None


def noise(seed: int) -> bytes:
    return picture(seed, "BMP") + np.random.default_rng(seed).bytes(10_000)


@pytest.mark.parametrize("name", ["folder", "d.zip", "tables"])
def test_only_what_is_needed_is_loaded(far: str, name: str) -> None:
    Far.loaded = 0
    dataset = open_dataset(f"{far}/{name}")
    assert len(dataset) == 200
    assert Far.loaded < 2_000_000 * (0.2 if name == "tables" else 0.05)
    Far.loaded = 0
    assert dataset.content(7) == noise(int(dataset.names[7].split("/")[-1].split(".")[0]) if name != "tables" else 7)
    assert Far.loaded < (300_000 if name == "tables" else 40_000)


def test_one_folder_of_a_url_is_used(far: str) -> None:
    for place in (f"{far}/d.zip:train", f"{far}/d.tar:train/", f"{far}/folder/train", f"{far}/folder/train/"):
        dataset = open_dataset(place)
        assert (len(dataset), dataset.held_out) == (100, None)
    with pytest.raises(DataError, match=r"d\.zip holds no folder 'absent'"):
        open_dataset(f"{far}/d.zip:absent")


def test_files_behind_urls_are_listed_and_opened(far: str, tmp_path: Path) -> None:
    assert len(open_pictures(f"{far}/folder/train/a/3.bmp")) == 1
    (tmp_path / "list").write_text(f"{far}/folder/test/b/4.bmp\n{tmp_path}/folder/test/b/5.bmp\n")
    pictures = open_pictures(f"@{tmp_path / 'list'}")
    assert [pictures.content(i) for i in range(2)] == [noise(4), noise(5)]
    assert len(open_dataset(f"{far}/d.npz")) == 6


@pytest.mark.parametrize("failure", [OSError("gone"), ConnectionError("no route"), TimeoutError(), RuntimeError("odd")])
def test_failing_networks_are_named(far: str, failure: Exception) -> None:
    opened = {name: open_pictures(f"{far}/{name}") for name in ("folder", "d.zip", "d.tar", "tables")}
    Far.failure = failure
    for name, pictures in opened.items():
        for attempt in (lambda name=name: open_dataset(f"{far}/{name}"), lambda of=pictures: of.image(150)):
            with pytest.raises(DataError, match=r"far://d/.* cannot be reached \(.*check the address, the network"):
                attempt()


def test_what_may_not_be_read_asks_for_credentials(far: str) -> None:
    Far.failure = PermissionError(13, "Forbidden")
    with pytest.raises(DataError, match=r"may not be read \(Forbidden\); give credentials in the environment"):
        open_dataset(f"{far}/d.zip")


@pytest.mark.parametrize("name", ["absent", "absent.zip", "absent.tar", "absent.parquet", "absent.npz", "absent-*.tar"])
def test_what_is_not_there_is_said(far: str, name: str) -> None:
    for open_any in (open_dataset, open_pictures):
        with pytest.raises(DataError, match=r"there is no (data at|file)"):
            open_any(f"{far}/{name}")


def test_an_image_that_vanishes_is_named(far: str) -> None:
    pictures = open_pictures(f"{far}/folder")
    Far().rm("/d/folder/test/a/0.bmp")
    with pytest.raises(DataError, match=r"there is no data at far://d/folder/test/a/0\.bmp"):
        pictures.image(0)


def test_hidden_files_behind_urls_are_left_out(tmp_path: Path) -> None:
    unpacked(tmp_path / "d", content() | {".x/1.png": picture(1), "train/cat/._2.png": picture(1)})
    assert len(open_pictures(uploaded(tmp_path / "d", "hidden"))) == 10


def test_wrong_urls_are_refused_without_a_look_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place_of("s3://bucket/d.zip:train/cat") == place_of("s3://bucket/d.zip:train/cat/")
    assert place_of("s3://bucket/d-{08..10}.tar").files == tuple(f"s3://bucket/d-{i:02}.tar" for i in (8, 9, 10))
    assert place_of("gs://bucket/d-*.parquet").files == ("gs://bucket/d-*.parquet",)
    signed = place_of("https://host/d.zip?key=[a]*:x")
    assert (signed.ending, signed.files, signed.inside) == (".zip", (), "")
    with pytest.raises(DataError, match="URLs that start with warp: are not known"):
        place_of("warp://bucket/d")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    assert find_spec("fsspec")
    with pytest.raises(MissingExtraError, match=r"s3://bucket/d needs s3fs; .* pip install 'pathprint\[remote\]'"):
        place_of("s3://bucket/d")
