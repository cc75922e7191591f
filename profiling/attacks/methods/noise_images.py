"""Images of pure noise: nothing is attacked, but the network answers all the same."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pathprint.profiling.attacks.attack import Goal, Logits
from pathprint.profiling.attacks.draws import Draws


@dataclass(frozen=True, slots=True)
class NoiseImages:
    """Replace each image by independent uniform values.

    Whatever the network answers is wrong in a sense, so its answer counts as the label and every
    image as a success; the question is only whether the detector notices.
    """

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        return draws.uniform(*pixels.shape[1:])
