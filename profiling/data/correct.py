"""Images that the network classifies correctly: only these are profiled, attacked and calibrated on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.roles import Images, R
from pathprint.profiling.errors import FitError
from pathprint.profiling.progress import meter

CHUNK = 128
"""Images that are decoded, and whose paths are extracted, at once."""


_HELD = 1 << 21
"""Pixel values of a batch whose activations are all kept in memory, as gradients need them."""


@dataclass(frozen=True)
class Correct(Generic[R]):
    """Correctly classified images of one role.

    Attributes:
        indices: their positions in the data set, ``(n,)``.
        pixels: ``(n, c, h, w)`` in [0, 1].
        labels: int64 ``(n,)``.
        accuracy: share of correctly classified images among all that were looked at.
        misclassified: pixels of the other images that were looked at.
        misclassified_indices: positions of these in the data set.
    """

    indices: Indices
    pixels: Tensor
    labels: Tensor
    accuracy: float
    misclassified: Tensor
    misclassified_indices: Indices


def correct_images(network: Network, images: Images[R], limit: int) -> Correct[R]:
    """Return the first ``limit`` correctly classified images among ``images``, or all if there are fewer.

    Raises:
        FitError: the network classifies none of them correctly.
        DataError: an image cannot be decoded.
    """
    dataset = images.dataset
    kept, others, pixels, wrong, seen = list[Indices](), list[Indices](), [], [], 0
    with meter("finding correctly predicted images", min(limit, len(images))) as shown:
        for chunk in in_chunks(images.positions):
            batch = dataset.pixels(chunk, network.preprocessing)
            right = network.predict(batch).numpy() == dataset.labels[chunk]
            shown.advance(min(int(right.sum()), limit - sum(map(len, kept))))
            kept.append(chunk[right])
            others.append(chunk[~right])
            pixels.append(batch[torch.from_numpy(right)])
            wrong.append(batch[torch.from_numpy(~right)])
            seen += len(chunk)
            if sum(map(len, kept)) >= limit:
                break
        found = sum(map(len, kept))
        shown.expect(min(found, limit))  # there are fewer if the network is often wrong
    if not found:
        raise FitError(
            f"{dataset.name}: the network predicts none of {seen} images correctly; check labels, weights "
            "and preprocessing."
        )
    indices = np.concatenate(kept)[:limit]
    labels = torch.from_numpy(dataset.labels[indices])
    mistaken = np.concatenate(others)
    return Correct(indices, torch.cat(pixels)[:limit], labels, found / seen, torch.cat(wrong), mistaken)


def at_once(pixels: Tensor) -> int:
    """Return how many images of the size of ``pixels`` to take at once if all activations are kept in memory."""
    return min(CHUNK, max(1, _HELD // pixels.shape[1:].numel()))


def in_chunks(images: Indices) -> list[Indices]:
    """Return the positions ``images``, in order, in parts of at most ``CHUNK``."""
    return [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
