"""Files that decoders stumble over, made here: each is judged or refused, the same however it is sent."""

from __future__ import annotations

import base64
import io
import random
import struct
import zipfile
import zlib

import httpx
import pytest
from PIL import Image

from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import decode, opened
from tests.app.images import animation, coloured, encoded, png_of
from tests.app.server import post

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/bmp": "BMP", "image/webp": "WEBP"}
SOUND = {media_type: encoded(coloured("RGB"), name) for media_type, name in FORMATS.items()}


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a.py", "print(1)")
    return buffer.getvalue()


def palette(transparent: bool) -> bytes:
    options = {"transparency": 0} if transparent else {}
    return encoded(coloured("P"), "PNG", **options)


def turned(media_type: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(coloured("RGB").resize((20, 10)), FORMATS[media_type], exif=exif)


def wrong_checksum() -> bytes:
    at = SOUND["image/png"].index(b"IDAT")
    return SOUND["image/png"][: at + 10] + b"\0\0" + SOUND["image/png"][at + 12 :]


def with_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG with one more chunk after its header."""
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return SOUND["image/png"][:33] + chunk + SOUND["image/png"][33:]


def png_of_pieces(kind: bytes, at: int, number: int = 60_000) -> bytes:
    """Return a PNG with many empty chunks before its place ``at``."""
    chunk = struct.pack(">I", 0) + kind + struct.pack(">I", zlib.crc32(kind))
    return SOUND["image/png"][:at] + chunk * number + SOUND["image/png"][at:]


BOMB = zlib.compress(b"a" * 100_000_000, 9)
"""100 MB in 100 kB."""


FILES: dict[str, tuple[bytes, set[int]]] = {
    **{
        f"{name} cut at {share}": (data[: len(data) * share // 10], {422})
        for name, data in SOUND.items()
        for share in (0, 1, 5)
    },
    **{f"{name} and a script": (data + b"<script>alert(1)</script>", {200}) for name, data in SOUND.items()},
    **{f"{name} and an archive": (data + archive(), {200}) for name, data in SOUND.items()},
    **{f"{name} twice": (data + data, {200}) for name, data in SOUND.items()},
    **{f"turned by {way}": (turned("image/jpeg", way), {200}) for way in (1, 3, 6, 8, 0, 9, 65535)},
    "turned png": (turned("image/png", 6), {200}),
    "turned webp": (turned("image/webp", 6), {200}),
    "archive": (archive(), {422}),
    "1 x 1": (encoded(Image.new("RGB", (1, 1)), "PNG"), {200}),
    "1 x 16": (encoded(Image.new("RGB", (1, 16)), "PNG"), {200}),
    "1 x 17": (encoded(Image.new("RGB", (1, 17)), "PNG"), {422}),
    "30,000 x 1": (png_of(30_000, 1), {422}),
    "1 x 30,000": (png_of(1, 30_000), {422}),
    "bomb of pixels": (png_of(30_000, 30_000), {422}),
    "16 bit colours": (png_of(100, 100, 16, 2), {200}),
    "bomb of text": (with_chunk(b"zTXt", b"comment\0\0" + BOMB), {200, 422}),
    "bomb of a colour profile": (with_chunk(b"iCCP", b"profile\0\0" + BOMB), {200, 422}),
    "camera data of 2 MB": (with_chunk(b"eXIf", b"II*\0\x08\0\0\0" + b"\xff" * 2_000_000), {200, 422}),
    "claims 2 billion": (png_of(1, 1).replace(struct.pack(">II", 1, 1), struct.pack(">II", 2**31 - 1, 1)), {422}),
    "animated png": (animation("PNG"), {422}),
    "animated webp": (animation("WEBP"), {422}),
    "animated gif": (animation("GIF"), {422}),
    "two pages": (animation("TIFF"), {422}),
    "16 bit grey": (encoded(coloured("I;16"), "PNG"), {422}),
    "cmyk": (encoded(coloured("CMYK"), "JPEG"), {422}),
    "palette": (palette(False), {200}),
    "transparent palette": (palette(True), {200}),
    "two levels": (encoded(coloured("1"), "PNG"), {200}),
    "grey with alpha": (encoded(coloured("LA"), "PNG"), {200}),
    "wrong checksum": (wrong_checksum(), {422}),
    "progressive": (encoded(coloured("RGB"), "JPEG", progressive=True), {200}),
    "interlaced": (encoded(coloured("RGB"), "PNG", interlace=1), {200}),
}


def ways(client: httpx.Client, data: bytes) -> list[httpx.Response]:
    """Send a file raw, in a form, in JSON, in a batch of one form and of JSON."""
    file = {"b64": base64.b64encode(data).decode()}
    form = {"file": ("a", data, "application/octet-stream")}
    return [
        post(client, data, "application/octet-stream"),
        client.post("/v1/detect", files=form),
        client.post("/v1/detect", json={"image": file}),
        client.post("/v1/detect/batch", files=form),
        client.post("/v1/detect/batch", json={"images": [file]}),
    ]


def outcome(response: httpx.Response) -> tuple[int, object]:
    """Return status, and verdict or code."""
    body, status = response.json(), response.status_code
    if "results" in body:
        (item,) = body["results"]
        body, status = item.get("result") or item["problem"], item["status"]
    return status, body["detection"]["verdict"] if status == 200 else body["code"]


@pytest.mark.parametrize("case", FILES)
def test_a_hostile_file_is_judged_or_refused_however_it_is_sent(client: httpx.Client, case: str) -> None:
    data, statuses = FILES[case]
    outcomes = {outcome(response) for response in ways(client, data)}
    assert len(outcomes) == 1
    ((status, _),) = outcomes
    assert status in statuses


def test_damage_is_judged_or_refused_however_it_is_sent(client: httpx.Client) -> None:
    chance = random.Random(1)
    for original in SOUND.values():
        for _ in range(5):
            data = bytearray(original)
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            outcomes = {outcome(response) for response in ways(client, bytes(data))}
            assert len(outcomes) == 1
            assert {status for status, _ in outcomes} <= {200, 422}


PIECES = {
    "comments of a jpeg": SOUND["image/jpeg"][:2] + b"\xff\xfe\0\2" * 60_000 + SOUND["image/jpeg"][2:],
    "fill bytes of a jpeg": SOUND["image/jpeg"][:2] + b"\xff" * 60_000 + SOUND["image/jpeg"][2:],
    "chunks before the pixels": png_of_pieces(b"teSt", 33),
    "chunks of pixels": png_of_pieces(b"IDAT", 33),
    "chunks after the pixels": png_of_pieces(b"teSt", -12),
}


@pytest.mark.parametrize("case", PIECES)
def test_a_file_of_endless_pieces_is_refused(case: str) -> None:
    with pytest.raises(ImageError, match="pieces") as raised:
        decode(PIECES[case])
    assert raised.value.code == "undecodable_image"


@pytest.mark.parametrize(("compression", "depth"), [(1, 8), (2, 4)])
def test_a_compressed_bmp_is_refused_by_its_header(compression: int, depth: int) -> None:
    head = struct.pack("<IiiHHIIiiII", 40, 16, 16, 1, depth, compression, 0, 0, 0, 2, 0) + bytes(8)
    data = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(head)) + head + bytes([16, 1, 0, 0]) * 16 + b"\0\1"
    with pytest.raises(ImageError, match="compressed BMP"):
        opened(data)


def test_a_large_file_of_ordinary_pieces_is_read() -> None:
    noise = Image.effect_noise((4000, 4000), 60)
    assert decode(encoded(noise, "PNG")).size == noise.size
