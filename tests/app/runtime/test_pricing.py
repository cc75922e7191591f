"""What decoding costs is known from the header, whatever few bytes were sent; the price is no less than the memory."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from pathprint.app.runtime.decoding import Upload, open_upload
from pathprint.app.runtime.pricing import Price, price_of_opening
from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import MAX_NOTES, MAX_SCANS, decode, opened
from tests.app.images import coloured, digit, encoded, png_of


def price_of(data: bytes) -> Price:
    return open_upload(Upload(data, None)).price


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "WEBP"])
def test_ordinary_images_are_small(name: str) -> None:
    assert price_of(encoded(digit(), name)).is_small
    assert price_of(encoded(Image.new("RGB", (640, 480)), name)).is_small


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_images_of_few_bytes_and_many_pixels_are_large(name: str, mode: str) -> None:
    if (name, mode) in {("JPEG", "RGBA"), ("JPEG", "P")}:
        mode = "RGB"
    data = encoded(Image.new(mode, (4000, 4000)), name)
    assert len(data) < 300_000
    found = price_of(data)
    assert not found.is_small
    assert found.memory >= 16_000_000 * 4


def test_a_one_bit_image_is_priced_by_its_pixels() -> None:
    assert not price_of(png_of(5000, 5000)).is_small


def progressive(side: int = 64) -> bytes:
    return encoded(Image.effect_noise((side, side), 50), "JPEG", progressive=True)


def test_a_progressive_file_is_accepted_and_one_of_endless_scans_is_not() -> None:
    data = progressive()
    assert price_of(data).is_small
    last = data.rindex(b"\xff\xda")
    many = data[:-2] + data[last:-2] * (MAX_SCANS + 1) + data[-2:]
    with pytest.raises(ImageError, match="scans"):
        price_of(many)


def test_scans_raise_the_price() -> None:
    data = progressive()
    last = data.rindex(b"\xff\xda")
    many = data[:-2] + data[last:-2] * 60 + data[-2:]
    assert price_of(many).work >= 5 * price_of(data).work
    Image.open(io.BytesIO(data)).load()


def png_with(*chunks: tuple[bytes, bytes], behind: bool = False) -> bytes:
    """Return a digit as PNG with further chunks, before or behind its pixels."""
    data = encoded(digit(), "PNG")
    packed = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    at = data.index(b"IEND" if behind else b"IDAT") - 4
    return data[:at] + packed + data[at:]


TEXT = zlib.compress(bytes(1 << 20), 9)
NOTES = {"zTXt": (b"zTXt", b"a\0\0" + TEXT), "iTXt": (b"iTXt", b"a\0\1\0\0\0" + TEXT)}


@pytest.mark.parametrize("behind", [False, True], ids=["before the pixels", "behind them"])
@pytest.mark.parametrize("kind", NOTES)
def test_packed_texts_are_priced_before_they_are_unpacked(kind: str, behind: bool) -> None:
    one, many = (png_with(*[NOTES[kind]] * number, behind=behind) for number in (1, 30))
    assert len(many) < 50_000
    assert price_of_opening(one).is_small and price_of(one).is_small
    assert not price_of_opening(many).is_small and not price_of(many).is_small
    assert price_of_opening(many).memory >= 30 << 20


def exif(entries: int) -> bytes:
    """Return EXIF data of which the last entry is the orientation."""
    tags = [(0x8000 + number, 3, 1, 1) for number in range(entries - 1)] + [(0x0112, 3, 1, 6)]
    rows = b"".join(struct.pack("<HHIHxx", *tag) for tag in tags)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", entries) + rows + bytes(4)


def holding(block: bytes, way: str) -> bytes:
    """Return an image with EXIF data, in one of the ways in which files hold them."""
    if way in ("PNG", "WEBP"):
        return encoded(coloured("RGB"), way, exif=block)
    if way == "text":
        text = f"\nexif\n{len(block)}\n{block.hex()}"
        return png_with((b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text.encode())))
    data, segments = (
        encoded(coloured("RGB"), "JPEG"),
        [block[6:][at : at + 60_000] for at in range(0, len(block), 60_000)],
    )
    parts = (b"\xff\xe1" + struct.pack(">H", len(one) + 8) + b"Exif\0\0" + one for one in segments if one)
    return data[:2] + b"".join(parts) + data[2:]


@pytest.mark.parametrize("way", ["JPEG", "PNG", "WEBP", "text"])
def test_exif_data_may_have_so_many_entries_and_no_more(way: str) -> None:
    assert decode(holding(exif(MAX_NOTES), way)).size
    for entries in (MAX_NOTES + 1, 12_000):
        with pytest.raises(ImageError, match="notes"):
            decode(holding(exif(entries), way))


def test_a_jpeg_file_with_too_many_notes_is_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(ImageError, match="notes"):
        opened(holding(exif(12_000), "JPEG"))
