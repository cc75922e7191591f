"""The look of an image: what stays nearly equal when an attacker changes the image a little."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Look = NDArray[np.uint8]
SIDE = 8
_OF_ONE_VALUE, _LEAST = 24.0, 4.0


def look_of(pixels: Tensor) -> Look:
    """Return the grey levels of an image that is scaled down to 8 x 8.

    Args:
        pixels: ``1 c h w`` in [0, 1].
    """
    # Not by torch: each of its functions gives way to other threads, and the event loop waits for its turn after it.
    values = pixels.numpy(force=True)[0].astype(np.float32, copy=False)
    down, across = (_averaging(side) for side in values.shape[1:])
    means = down @ (values.sum(0, dtype=np.float32) / len(values)) @ across.T
    levels: Look = np.rint(np.clip(means, 0, 1) * 255).astype(np.uint8).ravel()
    return levels


@lru_cache(maxsize=64)
def _averaging(side: int) -> NDArray[np.float32]:
    """Return the matrix that takes the means of ``SIDE`` equal parts of ``side`` values, which overlap if need be."""
    parts = np.arange(SIDE)
    first, end = parts * side // SIDE, -(-(parts + 1) * side // SIDE)
    place = np.arange(side)
    inside = (first[:, None] <= place) & (place < end[:, None])
    means: NDArray[np.float32] = (inside / inside.sum(1, keepdims=True)).astype(np.float32)
    return means


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
