"""Bad images: each gets the documented problem, and none gets a 500."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import httpx
import pytest
from PIL import Image

from pathprint.app.problems.kinds import KINDS
from pathprint.app.runtime.media import IMAGE_TYPES, detected
from pathprint.models import preprocessing
from pathprint.models.preprocessing import FORMATS, decode
from tests.app.images import animation, coloured, digit, encoded, png_of, with_exif
from tests.app.server import post, problem

PNG, JPEG = encoded(coloured("RGB"), "PNG"), encoded(coloured("RGB"), "JPEG")
SNIFFED = "application/octet-stream"
CASES = {
    "nothing": (b"", "image/png", "empty_input"),
    "text": (b"just text", "image/png", "undecodable_image"),
    "html": (b"<html><script>1</script></html>", SNIFFED, "undecodable_image"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', SNIFFED, "undecodable_image"),
    "gif": (encoded(digit(), "GIF"), SNIFFED, "undecodable_image"),
    "tiff": (encoded(digit(), "TIFF"), SNIFFED, "undecodable_image"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", SNIFFED, "undecodable_image"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", SNIFFED, "undecodable_image"),
    "png signature alone": (PNG[:8], "image/png", "undecodable_image"),
    "png cut": (PNG[: len(PNG) // 2], "image/png", "truncated_image"),
    "jpeg cut": (JPEG[:-100], "image/jpeg", "truncated_image"),
    "png as jpeg": (PNG, "image/jpeg", "media_type_mismatch"),
    "jpeg as webp": (JPEG, "image/webp", "media_type_mismatch"),
    "bomb: 400 megapixels": (png_of(20_000, 20_000), "image/png", "image_too_large"),
    "bomb: just over 25 megapixels": (png_of(5_001, 5_000), "image/png", "image_too_large"),
    "one side too long": (png_of(8_193, 1), "image/png", "image_too_large"),
    "cmyk": (encoded(coloured("CMYK"), "JPEG"), "image/jpeg", "unsupported_color_mode"),
    "16 bit grey": (encoded(coloured("I;16"), "PNG"), "image/png", "unsupported_color_mode"),
    "animated png": (animation("PNG"), "image/png", "multi_frame"),
    "animated webp": (animation("WEBP"), "image/webp", "multi_frame"),
    "no width": (png_of(0, 1), "image/png", "undecodable_image"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_image_gets_the_documented_problem(client: httpx.Client, case: str) -> None:
    data, media_type, code = CASES[case]
    answer = post(client, data, media_type)
    assert problem(answer) == (422, code)
    assert answer.json()["detail"][0].isupper()


def test_a_bad_image_in_a_form_gets_the_same_problem(client: httpx.Client) -> None:
    response = client.post("/v1/detect", files={"file": ("a.png", PNG[:100], "image/png")})
    assert problem(response) == (422, "truncated_image")


def test_a_form_part_of_another_format_than_declared_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/detect", files={"file": ("a.png", JPEG, "image/png")})
    assert problem(response) == (422, "media_type_mismatch")


def test_random_damage_never_makes_a_500(client: httpx.Client) -> None:
    chance = random.Random(0)
    for original in [PNG, JPEG, encoded(coloured("RGBA"), "WEBP"), encoded(coloured("RGB"), "BMP")] * 25:
        data = bytearray(original)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data) if chance.random() < 0.5 else 64)] = chance.randrange(256)
        response = post(client, bytes(data[: chance.randint(1, 2 * len(data))]), SNIFFED)
        assert response.status_code in (200, 422), response.text


@pytest.mark.parametrize(
    "entry",
    [(0x0100, 11, 1, struct.pack("<f", 1.5)), (0x0100, 2, 3, b"ab"), (0x011A, 2, 3, b"ab")],
    ids=["width is a fraction", "width is text", "resolution is text"],
)
def test_a_damaged_exif_block_is_no_500(client: httpx.Client, entry: tuple[int, int, int, bytes]) -> None:
    assert post(client, with_exif(entry), "image/jpeg").status_code in (200, 422)


def test_every_code_of_the_decoder_has_a_problem() -> None:
    source = Path(preprocessing.__file__).read_text()
    codes = set(re.findall(r'ImageError\(\s*"(\w+)"', source))
    assert codes, "the pattern no longer fits the source"
    assert codes <= set(KINDS)


def test_every_format_of_the_decoder_has_a_media_type_that_is_detected() -> None:
    assert set(IMAGE_TYPES.values()) == set(FORMATS)
    for media_type, name in IMAGE_TYPES.items():
        assert detected(decode(encoded(coloured("RGB"), name))) == media_type


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_a_turned_image_is_of_the_type_of_its_bytes(orientation: int, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert IMAGE_TYPES[detected(decode(encoded(coloured("RGB"), name, exif=exif)))] == name


def test_a_photograph_with_a_second_picture_inside_is_jpeg(client: httpx.Client) -> None:
    response = post(client, animation("MPO"), "image/jpg")
    assert (response.status_code, response.json()["input"]["media_type"]) == (200, "image/jpeg")
