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


def price(image: Image.Image, data: bytes) -> Price:
    """Return what decoding an opened image costs; ``data`` are its bytes."""
    pixels = image.width * image.height
    stored = pixels * _STORED.get(image.mode, 4)
    decoding = pixels * (_WEBP if image.format == "WEBP" else 0)
    # Turning it upright and converting its mode each make a copy; the first image is gone when the second is made.
    memory = stored + max(decoding, stored, pixels * 4)
    return Price(memory, (memory + decoding) * max(1, scans(image, data) // _ORDINARY_SCANS))
