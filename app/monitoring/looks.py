"""The look of an image: what stays nearly equal when an attacker changes the image a little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

Look = NDArray[np.uint8]
SIDE = 8
_OF_ONE_VALUE, _LEAST = 24.0, 4.0


def look_of(pixels: Tensor) -> Look:
    """Return the grey levels of an image that is scaled down to 8 x 8.

    Args:
        pixels: ``1 c h w`` in [0, 1].
    """
    means = F.adaptive_avg_pool2d(pixels.float().mean(1, keepdim=True), SIDE)
    levels: Look = (means.clamp(0, 1) * 255).round().byte().flatten().cpu().numpy()
    return levels


def tolerance(pixels: Tensor) -> float:
    """Return how far the looks of two similar images are apart at most, as root mean square of grey levels.

    Noise cancels where many values are averaged, so larger images have to look more alike
    (docs/experiments/query-attacks.md).
    """
    averaged = pixels.shape[-3] * pixels.shape[-2] * pixels.shape[-1] / SIDE**2
    return float(max(_LEAST, _OF_ONE_VALUE / averaged**0.5))


def distances(look: Look, others: Look) -> NDArray[np.float32]:
    """Return the root mean square difference of one look to each of ``others`` (one a row), in grey levels."""
    difference = others.astype(np.float32) - look
    found: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", difference, difference) / look.size)
    return found
