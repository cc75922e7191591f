"""Images as clients send them, good and bad."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from pathprint.profiling.data.datasets import open_dataset


def digit(index: int = 5) -> Image.Image:
    """Return one of scikit-learn's digits, 8 x 8 grey."""
    return open_dataset("digits").image(index)


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    """Return an image as a file of the format that Pillow calls ``name``."""
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def coloured(mode: str, side: int = 16) -> Image.Image:
    """Return an image of ``mode`` with noise in it, so that its file is longer than its header."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def animation(name: str) -> bytes:
    """Return two frames in one file."""
    return encoded(coloured("RGB"), name, save_all=True, append_images=[coloured("RGB").rotate(90)])


def png_of(width: int, height: int, depth: int = 1, colour: int = 0) -> bytes:
    """Return a PNG of zeros that claims any size and holds as many rows, tightly compressed."""
    channels = {0: 1, 2: 3}[colour]
    row = b"\0" * (1 + (width * depth * channels + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_exif(entry: tuple[int, int, int, bytes]) -> bytes:
    """Return a JPEG to be turned, whose EXIF block has one more entry: tag, type, count, value."""
    entries = [(0x0112, 3, 1, struct.pack("<H", 6)), entry]
    packed = b"".join(struct.pack("<HHI", tag, kind, n) + value.ljust(4, b"\0") for tag, kind, n, value in entries)
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + b"\0" * 4
    return encoded(digit(), "JPEG", exif=block)
