"""Say what makes a network's input of an image, for the answer: nothing that changes an image is silent."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from pathprint.models.preprocessing import Preprocessing

_ORIENTATION = 0x0112
_TURNED = range(2, 9)
"""EXIF orientations of images that do not stand upright."""


def transforms(image: Image.Image, preprocessing: Preprocessing) -> tuple[str, ...]:
    """Return what ``decode`` did to an image and ``preprocessing.pixels`` will do to it, in this order."""
    return (*_turned(image), *_in_mode(image, preprocessing.channels), *_fitted(image.size, preprocessing))


def _turned(image: Image.Image) -> Iterator[str]:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # Pillow's EXIF parser raises many types on hostile blocks, which `decode` leaves as they are
        return
    if isinstance(orientation, int) and orientation in _TURNED:
        yield "turned_upright"


def _in_mode(image: Image.Image, channels: int) -> Iterator[str]:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        yield "over_black"
    if channels == 1 and image.mode not in ("L", "LA", "1"):
        yield "to_grey"
    if channels != 1 and image.mode not in ("RGB", "RGBA", "P", "PA"):
        yield "to_rgb"


def _fitted(size: tuple[int, int], preprocessing: Preprocessing) -> Iterator[str]:
    height, width = preprocessing.size
    if size == (width, height) and preprocessing.resize == min(height, width):
        return
    if preprocessing.stretch or height != width:
        if not preprocessing.stretch:
            yield "crop_centre"
        yield f"resize:{width}x{height}:bilinear"
        return
    yield f"resize:shorter_side={preprocessing.resize}:bilinear"
    yield f"crop_centre:{width}x{height}"
