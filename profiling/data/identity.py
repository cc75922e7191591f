"""Which images are one and the same picture: those of equal pixels, whatever file or array holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image

from pathprint.models.preprocessing import in_mode

Keys64 = npt.NDArray[np.uint64]


def picture(image: Image.Image) -> bytes:
    """Return what identifies a decoded image, before it is scaled: its size and its pixels.

    Colours that are all grey count as grey levels, and transparency is laid over black, as for the network. The size
    is left out of square images, whose number of pixels tells it.
    """
    colours = np.asarray(in_mode(image, "RGB"))
    is_grey = (colours == colours[:, :, :1]).all()
    pixels = (colours[:, :, 0] if is_grey else colours).tobytes()
    return pixels if image.width == image.height else f"{image.width}x{image.height} ".encode() + pixels


def keys_of(contents: Iterable[bytes]) -> Keys64:
    """Return the first 8 bytes of the SHA-256 of each content: equal contents, equal keys."""
    return np.frombuffer(b"".join(hashlib.sha256(content).digest()[:8] for content in contents), dtype="<u8")
