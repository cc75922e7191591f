"""Every kind of PNG file that the specification knows is read as it says, or refused; PngSuite, generated.

Files are written here from the definition of the format (W3C PNG, third edition), as Pillow writes few of the kinds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import decode, in_mode

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
KINDS = [(colour, depth) for colour, depths in DEPTHS.items() for depth in depths]
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row of each pass, and the steps between them."""
COLOURS = np.random.default_rng(1).integers(0, 256, (256, 3), dtype=np.uint8)
Samples = NDArray[np.uint16]


def samples_of(colour: int, depth: int, height: int = 11, width: int = 13) -> Samples:
    """Return random samples ``h w c`` of a kind."""
    shape = (height, width, SAMPLES[colour])
    return np.random.default_rng(0).integers(0, 1 << depth, shape).astype(np.uint16)


def rows_of(samples: Samples, depth: int) -> bytes:
    """Return the rows of an image, each with filter 0 before it."""
    found = b""
    for row in samples:
        if depth == 16:
            found += b"\0" + row.astype(">u2").tobytes()
        else:
            bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
            found += b"\0" + np.packbits(bits.reshape(-1)).tobytes()
    return found


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(samples: Samples, colour: int, depth: int, interlaced: bool = False, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG file with further ``chunks`` before its pixels."""
    height, width, _ = samples.shape
    parts = [samples[row::down, column::right] for column, row, right, down in ADAM7] if interlaced else [samples]
    rows = b"".join(rows_of(part, depth) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    palette = [(b"PLTE", COLOURS[: 1 << depth].tobytes())] if colour == PALETTE else []
    every = [(b"IHDR", header), *palette, *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in every)


def meant(samples: Samples, colour: int, depth: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the colours ``h w 3`` in 0 .. 255 and the opacity in 0 .. 1 that samples stand for."""
    scaled = (samples >> 8) if depth == 16 else samples.astype(np.float64) * 255 / ((1 << depth) - 1)
    if colour == PALETTE:
        return COLOURS[samples[:, :, 0]].astype(np.float64), np.ones(samples.shape[:2])
    opaque = scaled[:, :, -1] / 255 if colour in (GREY_ALPHA, RGB_ALPHA) else np.ones(samples.shape[:2])
    colours = scaled[:, :, :1].repeat(3, axis=2) if colour in (GREY, GREY_ALPHA) else scaled[:, :, :3]
    return colours.astype(np.float64), opaque


def read(data: bytes) -> NDArray[np.float64]:
    return np.asarray(in_mode(decode(data), "RGB")).astype(np.float64)


@pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "interlaced"])
@pytest.mark.parametrize(("colour", "depth"), KINDS)
def test_each_kind_is_read_as_its_definition_says(colour: int, depth: int, interlaced: bool) -> None:
    samples = samples_of(colour, depth)
    data = png(samples, colour, depth, interlaced)
    if (colour, depth) == (GREY, 16):
        with pytest.raises(ImageError) as refused:
            decode(data)
        assert refused.value.code == "unsupported_color_mode"
        return
    colours, opaque = meant(samples, colour, depth)
    assert np.abs(read(data) - colours * opaque[:, :, None]).max() <= (1 if colour in (GREY_ALPHA, RGB_ALPHA) else 0)


@pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "interlaced"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 9), (9, 1), (3, 3), (4, 5), (8, 8), (9, 9), (32, 7)])
def test_each_size_is_read_whichever_passes_are_empty(width: int, height: int, interlaced: bool) -> None:
    samples = samples_of(RGB, 8, height, width)
    assert np.array_equal(read(png(samples, RGB, 8, interlaced)), samples)


def transparent(samples: Samples, colour: int, depth: int) -> tuple[bytes, NDArray[np.float64]]:
    """Return a chunk that makes some colours transparent, and the opacity of each pixel in 0 .. 1."""
    if colour == PALETTE:
        alphas = np.arange(0, 256, 256 // min(1 << depth, 16), dtype=np.uint8)[: 1 << depth]
        whole = np.concatenate([alphas, np.full(256 - len(alphas), 255, np.uint8)])
        return alphas.tobytes(), whole[samples[:, :, 0]] / 255
    key = samples[0, 0]
    return key.astype(">u2").tobytes(), 1.0 - (samples == key).all(axis=2)


@pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "interlaced"])
@pytest.mark.parametrize(("colour", "depth"), [kind for kind in KINDS if kind[0] in (GREY, RGB, PALETTE)])
def test_transparency_lies_over_black(colour: int, depth: int, interlaced: bool) -> None:
    samples = samples_of(colour, depth)
    key, opaque = transparent(samples, colour, depth)
    data = png(samples, colour, depth, interlaced, (b"tRNS", key))
    if (colour, depth) == (GREY, 16):
        with pytest.raises(ImageError):
            decode(data)
        return
    if (colour, depth) == (RGB, 16) or (colour == GREY and 1 < depth < 8 and samples[0, 0, 0]):
        # Pillow reads pixels of 2, 4 and 16 bits with 8, but not the key, which then is none of the colours.
        opaque = np.ones_like(opaque)
    colours, _ = meant(samples, colour, depth)
    assert np.abs(read(data) - colours * opaque[:, :, None]).max() <= (1 if colour == PALETTE else 0)


def ancillary(colour: int, depth: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks that say something beside the pixels."""
    grey, indexed = colour in (GREY, GREY_ALPHA), colour == PALETTE
    yield b"gAMA", struct.pack(">I", 45455)
    yield b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    yield b"sRGB", b"\0"
    yield b"sBIT", bytes([min(depth, 8)]) * (3 if indexed else SAMPLES[colour])
    yield b"bKGD", b"\1" if indexed else struct.pack(">H", 1) * (1 if grey else 3)
    yield b"pHYs", struct.pack(">IIB", 2835, 2835, 1)
    yield b"tIME", struct.pack(">HBBBBB", 2026, 11, 27, 0, 0, 60)
    yield b"tEXt", b"Title\0a digit"
    yield b"zTXt", b"Title\0\0" + zlib.compress(b"a digit" * 100)
    yield b"iTXt", b"Title\0\1\0de\0Titel\0" + zlib.compress("eine Ziffer ä".encode())
    yield b"iCCP", b"profile\0\0" + zlib.compress(bytes(128))
    yield b"teSt", b"a private chunk"


@pytest.mark.parametrize(("colour", "depth"), [kind for kind in KINDS if kind != (GREY, 16)])
def test_what_is_said_beside_the_pixels_changes_none(colour: int, depth: int) -> None:
    samples = samples_of(colour, depth)
    bare = read(png(samples, colour, depth))
    for one in ancillary(colour, depth):
        assert np.array_equal(read(png(samples, colour, depth, False, one)), bare), one[0]
    assert np.array_equal(read(png(samples, colour, depth, True, *ancillary(colour, depth))), bare)


NONE = [(c, d) for c, d in product(range(8), (0, 1, 2, 3, 4, 8, 12, 16, 32)) if d not in DEPTHS.get(c, ())]


@pytest.mark.parametrize(("colour", "depth"), NONE)
def test_what_the_specification_does_not_know_is_refused(colour: int, depth: int) -> None:
    data = bytearray(png(samples_of(GREY, 8), GREY, 8))
    data[24:26] = bytes([depth, colour])
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(ImageError):
        decode(bytes(data))
