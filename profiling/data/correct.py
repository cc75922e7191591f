"""Images that the network answers rightly: only these are profiled, attacked and calibrated on."""

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

CHUNK = 128
"""Images that are decoded and extracted at once."""


_HELD = 1 << 21
"""Values of images that are worked on at once where every activation is held."""


@dataclass(frozen=True)
class Correct(Generic[R]):
    """Correctly classified images of one role.

    Attributes:
        indices: their positions in the data set, ``(n,)``.
        accuracy: share of the role's images, as far as they were looked at, that are correct.
        misclassified: pixels of the others.
    """

    indices: Indices
    pixels: Tensor
    labels: Tensor
    accuracy: float
    misclassified: Tensor


def correct_images(network: Network, images: Images[R], limit: int) -> Correct[R]:
    """Return the first ``limit`` correctly classified images among ``images``.

    Raises:
        FitError: there is none.
    """
    dataset = images.dataset
    kept, pixels, wrong, seen = [], [], [], 0
    for chunk in in_chunks(images.positions):
        batch = dataset.pixels(chunk, network.preprocessing)
        right = network.predict(batch).numpy() == dataset.labels[chunk]
        kept.append(chunk[right])
        pixels.append(batch[torch.from_numpy(right)])
        wrong.append(batch[torch.from_numpy(~right)])
        seen += len(chunk)
        if sum(map(len, kept)) >= limit:
            break
    found = sum(map(len, kept))
    if not found:
        raise FitError(
            f"{dataset.name}: the network predicts none of {seen} images correctly; check labels and weights."
        )
    indices = np.concatenate(kept)[:limit]
    labels = torch.from_numpy(dataset.labels[indices])
    return Correct(indices, torch.cat(pixels)[:limit], labels, found / seen, torch.cat(wrong))


def at_once(pixels: Tensor) -> int:
    """Return how many images of this size to work on at once where all of their activations are held."""
    return min(CHUNK, max(1, _HELD // pixels.shape[1:].numel()))


def in_chunks(images: Indices) -> list[Indices]:
    """Return positions in parts of at most ``CHUNK``."""
    return [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
