"""What it costs to decode an image, estimated from its header: how much memory, and how much work.

The bytes that were sent say nothing about it: a WebP file of a kilobyte can hold 25 million pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from pathprint.models.preprocessing import scans

_STORED = {"1": 1, "L": 1, "P": 1}
"""Bytes of a pixel in Pillow's memory; those of all other modes take four."""
_WEBP = 12
"""Bytes that libwebp needs for a pixel beside the image: two canvases and a copy."""
_ORDINARY_SCANS = 10
_SMALL = 16 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_PACKED = (b"zTXt", b"iTXt", b"iCCP")
"""Chunks of PNG files with packed text or a packed colour profile. Pillow unpacks each up to a mebibyte, and at most
``_MOST_PACKED`` of them."""
_MOST_PACKED = 64
_COPIES = 4
"""Copies of an unpacked text at once, and of the bytes that are written for one of its own."""


@dataclass(frozen=True, slots=True)
class Price:
    """What decoding costs.

    Attributes:
        memory: bytes held at once, at most.
        work: bytes of pixels that are written, which time goes by.
    """

    memory: int
    work: int

    @property
    def is_small(self) -> bool:
        """Whether decoding takes some ten milliseconds at most, as it does for about a megapixel."""
        return max(self.memory, self.work) <= _SMALL


TO_LOOK = Price(0, 1)
"""What it costs to look at the bytes of an image, without reading what they say."""


def price_of_opening(data: bytes) -> Price:
    """Return what reading the header costs. Beside the size of the image it may hold, or unpack to, long texts."""
    if not data.startswith(_PNG):
        return TO_LOOK
    unpacked = min(sum(map(data.count, _PACKED)), _MOST_PACKED) << 20
    return Price(_COPIES * unpacked, _COPIES * unpacked + 1)


def price(image: Image.Image, data: bytes) -> Price:
    """Return what decoding an opened image costs; ``data`` are its bytes."""
    pixels = image.width * image.height
    stored = pixels * _STORED.get(image.mode, 4)
    decoding = pixels * (_WEBP if image.format == "WEBP" else 0)
    # Turning it upright and converting its mode each make a copy; the first image is gone when the second is made.
    memory = stored + max(decoding, stored, pixels * 4)
    work = (memory + decoding) * max(1, scans(image, data) // _ORDINARY_SCANS)
    texts = price_of_opening(data)  # which may also lie behind the pixels
    return Price(memory + texts.memory, work + texts.work)
