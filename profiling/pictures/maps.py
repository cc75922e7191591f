"""Maps of an image as small pictures in text: PNG files in ``data:`` addresses, which a browser shows as they are."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from pathprint.models.preprocessing import to_image

LARGEST = 512
"""Pixels that the longer side of a map has at most; larger ones are made smaller, which bounds the size of answers."""


def map_data(values: npt.NDArray[Any], most: float) -> dict[str, Any]:
    """Return a map ``(h, w)`` of numbers from 0 to ``most`` as grey levels: black is 0, white is ``most``.

    Returns:
        ``png``, a ``data:`` address; ``width`` and ``height`` of that picture; and ``most``.
    """
    levels = np.round(255 * np.asarray(values, np.float64) / (most or 1.0)).clip(0, 255).astype(np.uint8)
    return _written(Image.fromarray(levels)) | {"most": most}


def picture_data(pixels: Tensor) -> dict[str, Any]:
    """Return pixels ``c h w`` in [0, 1]: ``png``, a ``data:`` address, and ``width`` and ``height`` of that picture."""
    return _written(to_image(pixels.cpu()))


def _written(image: Image.Image) -> dict[str, Any]:
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    file = BytesIO()
    image.save(file, "PNG")
    address = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"png": address, "width": image.width, "height": image.height}
