"""Whatever is wrong with an image, in whatever container: one DataError that names the image and says why."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.data.pictures import Pictures, decoded, open_pictures
from pathprint.profiling.errors import DataError
from tests.profiling.data.containers import packed, picture, tabled, tarred, unpacked, uploaded


def stored(form: str, mode: str = "RGB", size: tuple[int, int] = (40, 40), **options: object) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def frames() -> bytes:
    buffer = io.BytesIO()
    levels = [Image.new("RGB", (8, 8), (level, 0, 0)) for level in (0, 200)]
    levels[0].save(buffer, "WEBP", save_all=True, append_images=levels[1:], lossless=True)
    return buffer.getvalue()


def png(width: int, height: int, depth: int = 8) -> bytes:
    """Return a PNG that says it has a size, with hardly a byte of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    )


DAMAGES = {
    "empty": (b"", "the image has no bytes"),
    "text": (b"<html>404</html>", "are not a PNG, JPEG, BMP, WEBP image"),
    "zeros": (bytes(1000), "are not a PNG"),
    "gif": (stored("GIF"), "are not a PNG"),
    "pdf": (b"%PDF-1.4", "are not a PNG"),
    "cut PNG": (stored("PNG")[:2000], "truncated or damaged"),
    "cut JPEG": (stored("JPEG")[:800], "truncated or damaged"),
    "cut BMP": (stored("BMP")[:2000], "truncated or damaged"),
    "cut WebP": (stored("WEBP")[:300], "truncated or damaged|are not a PNG"),
    "header alone": (stored("PNG")[:33], "truncated or damaged|are not a PNG"),
    "bomb": (png(100_000, 100_000), "has more than|at most 8192 per side"),
    "large": (png(8000, 8000), "at most 8192 per side and 25,000,000 pixels"),
    "thin": (png(1000, 2), "one side may be at most 16 times the other"),
    "CMYK": (stored("JPEG", "CMYK"), "colour mode CMYK is not accepted"),
    "16 bit": (png(8, 8, 16), "colour mode I;16 is not accepted"),
    "frames": (frames(), "has several frames"),
}


def containers(root: Path, data: bytes) -> dict[str, str]:
    """Write one image in every container, and return what names it and what its error must name."""
    files = {"cat/bad.png": data}
    unpacked(root / "folder", files)
    packed(root / "d.zip", files)
    tarred(root / "d.tar", files)
    tarred(root / "shards" / "0.tar", {"bad.png": data, "bad.cls": b"0"})
    tarred(root / "shards" / "1.tar", {"good.png": picture(1), "good.cls": b"0"})
    tabled(root / "d.parquet", [{"bytes": data, "path": None}], [0])
    (root / "list.txt").write_text(f"{root}/folder/cat/bad.png")
    local = {name: str(root / name) for name in ("folder", "d.zip", "d.tar", "shards")}
    named = dict.fromkeys([*local.values(), f"@{root / 'list.txt'}", str(root / "folder/cat/bad.png")], r"bad\.png")
    return named | {uploaded(root / "folder", "damage"): r"bad\.png", str(root / "d.parquet"): "parquet/0"}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_in_every_container(tmp_path: Path, damage: str) -> None:
    data, why = DAMAGES[damage]
    for spec, name in containers(tmp_path, data).items():
        with pytest.raises(DataError, match=f"{name}.*({why})"):
            open_pictures(spec).image(0)
        if not spec.startswith("@") and not spec.endswith("bad.png"):
            with pytest.raises(DataError, match=f"{name}.*({why})"):
                open_dataset(spec).image(0)


def vanished(root: Path) -> None:
    (root / "folder" / "0.png").unlink()


def a_folder(root: Path) -> None:
    vanished(root)
    (root / "folder" / "0.png").mkdir()


def in_a_circle(root: Path) -> None:
    vanished(root)
    (root / "folder" / "0.png").symlink_to("0.png")


def a_pipe(root: Path) -> None:
    vanished(root)
    os.mkfifo(root / "folder" / "0.png")


def enormous(root: Path) -> None:
    with (root / "folder" / "0.png").open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (vanished, "No such file"),
        (a_folder, "it is no file"),
        (in_a_circle, "Too many levels of symbolic links"),
        (a_pipe, "it is no file"),
        (enormous, "is too large for an image"),
    ],
)
def test_files_that_change_after_they_were_listed_are_named(
    tmp_path: Path, change: Callable[[Path], None], why: str
) -> None:
    unpacked(tmp_path / "folder", {"0.png": picture(1), "1.png": picture(1)})
    (tmp_path / "list.txt").write_text(f"{tmp_path}/folder/0.png")
    opened = [
        open_pictures(spec) for spec in (f"{tmp_path}/folder", f"@{tmp_path}/list.txt", f"{tmp_path}/folder/0.png")
    ]
    change(tmp_path)
    for pictures in opened:
        with pytest.raises(DataError, match=rf"0\.png.*{why}"):
            pictures.image(0)


@pytest.mark.parametrize(
    "line", ["absent.png", "a\rb.png", "x" * 5000, "/dev/zero", "/", ".", "bad:name", "absent/0.png"]
)
def test_lines_of_a_list_that_name_no_file_are_named(
    tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text(f"{line}\n", newline="\n")
    pictures = open_pictures("@list.txt")
    with pytest.raises(DataError, match="cannot be read"):
        pictures.image(0)


@pytest.mark.parametrize("cell", [None, {"bytes": None, "path": "a.png"}, {"bytes": None, "path": None}])
def test_rows_without_bytes_are_named(tmp_path: Path, cell: object) -> None:
    pictures = open_pictures(str(tabled(tmp_path / "d.parquet", [{"bytes": picture(1), "path": None}, cell], [0, 0])))
    assert pictures.image(0).size == (8, 8)
    with pytest.raises(DataError, match=r"d\.parquet: row 1 holds no bytes of an image"):
        pictures.image(1)


def flipped(data: bytearray, random: np.random.Generator, count: int) -> bytes:
    for at in random.integers(0, len(data), count):
        data[at] ^= int(random.integers(1, 256))
    return bytes(data)


def read_all(pictures: Pictures) -> None:
    for index in range(len(pictures)):
        try:
            pictures.image(index)
        except DataError as error:
            assert pictures.name.split("/")[-1] in str(error)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP"])
@given(st.integers(0, 2**32), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_no_damage_of_an_image_ends_in_another_error(form: str, seed: int, count: int) -> None:
    damaged = flipped(bytearray(stored(form, size=(20, 20))), np.random.default_rng(seed), count)
    try:
        assert decoded("x", bytes(damaged)).size > (0, 0)
    except DataError as error:
        assert str(error).startswith("x: ")


@pytest.mark.parametrize("name", ["d.zip", "d.tar", "d.parquet", "d.npz"])
@pytest.mark.parametrize("seed", range(25))
def test_no_damage_of_a_container_ends_in_another_error(tmp_path: Path, name: str, seed: int) -> None:
    files = {f"{i}.png": picture(i) for i in range(4)}
    packed(tmp_path / "d.zip", files)
    tarred(tmp_path / "d.tar", files)
    tabled(
        tmp_path / "d.parquet", [{"bytes": data, "path": None} for data in files.values()], [0] * 4, row_group_size=2
    )
    np.savez_compressed(tmp_path / "d.npz", x=np.zeros((4, 8, 8), np.uint8))
    random = np.random.default_rng(seed)
    data = flipped(bytearray((tmp_path / name).read_bytes()), random, 4)
    (tmp_path / name).write_bytes(data[: int(random.integers(1, len(data)))] if seed % 5 == 0 else data)
    try:
        read_all(open_pictures(str(tmp_path / name)))
    except DataError as error:
        assert name in str(error)
