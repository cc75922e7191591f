"""What decoding costs is known from the header, whatever few bytes were sent; the price is no less than the memory."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from pathprint.app.runtime.decoding import Upload, open_upload
from pathprint.app.runtime.pricing import Price
from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import MAX_SCANS
from tests.app.images import digit, encoded, png_of


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
