"""Which images are one and the same picture, those of equal pixels, and which merely look alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image

from pathprint.models.preprocessing import in_mode

Keys64 = npt.NDArray[np.uint64]
NO_KEYS: Keys64 = np.zeros(0, dtype=np.uint64)
_THUMBNAIL = (10, 10)


def picture(image: Image.Image) -> bytes:
    """Return what identifies a decoded image, before it is scaled: its size and its pixels.

    Colours that are all grey count as grey levels, and transparency is laid over black, as for the network. The size
    is left out of square images, whose number of pixels tells it.
    """
    colours = np.asarray(in_mode(image, "RGB"))
    is_grey = (colours == colours[:, :, :1]).all()
    pixels = (colours[:, :, 0] if is_grey else colours).tobytes()
    return pixels if image.width == image.height else f"{image.width}x{image.height} ".encode() + pixels


def look(image: Image.Image) -> bytes:
    """Return what an image looks like from afar: which parts of a grey thumbnail are brighter than its mean.

    An image that is scaled or saved again as JPEG keeps its look more often than not. Different images share a look now
    and then, and often where all are simple, such as digits (docs/decisions/060-looks.md).
    """
    levels = np.asarray(in_mode(image, "L").resize(_THUMBNAIL, Image.Resampling.BILINEAR), dtype=np.int64)
    return np.packbits(levels * levels.size > levels.sum()).tobytes()


def identity(image: Image.Image) -> tuple[bytes, bytes]:
    """Return the digests of what identifies a decoded image, and of what it looks like."""
    return digest(picture(image)), digest(look(image))


def digest(content: bytes) -> bytes:
    """Return the first 8 bytes of the SHA-256 of ``content``."""
    return hashlib.sha256(content).digest()[:8]


def as_keys(digests: Iterable[bytes]) -> Keys64:
    """Return digests as numbers: equal contents, equal keys."""
    return np.frombuffer(b"".join(digests), dtype="<u8")
