"""Which input pixels carried a decision: the walk of a path, followed down to the network's input."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pathprint.models.graph import INPUT
from pathprint.profiling.arrays import Bits
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.steps.step import Chosen, Step


def input_units(extractor: Extractor, pixels: Tensor) -> Bits | None:
    """Return the units of the network's input that are on the path of one image.

    Paths record the outputs of weighted layers only; so the image is walked once more.

    Args:
        pixels: ``1 c h w`` in [0, 1].

    Returns:
        ``(c, h, w)``; None if the path does not reach the input, as that through the last layers only does not, and a
        forward path, which takes every layer on its own, does not.
    """
    if extractor.policy.is_forward:
        return None
    reached: list[Tensor] = []

    def follow(step: Step, wanted: Tensor, chosen: Chosen) -> Chosen:
        reached.extend(units for name, units in chosen if name == INPUT)
        return chosen

    extractor.walk(pixels, follow)
    if not reached:
        return None
    found: Bits = torch.stack(reached).any(0)[0].cpu().numpy().astype(np.bool_)
    return found
