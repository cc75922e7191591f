"""Feature squeezing: the answer to a clean image hardly changes when the image is squeezed (Xu, Evans & Qi 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax
from torch import Tensor
from torch.nn import functional as F

from pathprint.profiling.arrays import Floats

if TYPE_CHECKING:
    from pathprint.profiling.evaluation.baselines.observation import Observation  # it imports this module

_GREY_BITS, _RGB_BITS = 1, 5
_WINDOW = 2


def squeezed(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return two squeezed copies of pixels ``n c h w``: with fewer levels, and median-filtered.

    Settings are the paper's for MNIST (grey) and CIFAR-10 (RGB), section III. Its third squeezer for RGB, non-local
    means, is left out because it costs more than the network.
    """
    bits = _GREY_BITS if pixels.shape[1] == 1 else _RGB_BITS
    return fewer_levels(pixels, bits), median(pixels, _WINDOW)


def fewer_levels(pixels: Tensor, bits: int) -> Tensor:
    """Return pixels rounded to 2^bits levels."""
    steps = 2**bits - 1
    rounded: Tensor = (pixels * steps).round() / steps
    return rounded


def median(pixels: Tensor, window: int) -> Tensor:
    """Return pixels ``n c h w`` with each replaced by the median of a square window around it; edges are mirrored.

    The lower of two middle values is taken, so that no new level appears.
    """
    before, after = window // 2, (window - 1) // 2
    padded = F.pad(pixels, (before, after, before, after), mode="reflect")
    windows = padded.unfold(2, window, 1).unfold(3, window, 1).flatten(4)
    return windows.median(-1).values


def squeezing(seen: Observation) -> Floats:
    """Return the joint score, ``(n,)``: the largest L1 change of the softmax over all squeezed copies."""
    before, after = softmax(seen.logits, axis=1), softmax(seen.squeezed, axis=2)
    change: Floats = np.abs(after - before).sum(axis=2).max(axis=0)
    return change
