"""Images of pure noise: no image is attacked, but the network answers anyway."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pathprint.profiling.attacks.attack import Cost, Goal, Logits
from pathprint.profiling.attacks.draws import Draws


@dataclass(frozen=True, slots=True)
class NoiseImages:
    """Replace each image by independent uniform values.

    No answer to noise is right, so every image counts as a success and the network's answer as its label.
    The question is only whether the detector notices.
    """

    @property
    def cost(self) -> Cost:
        return Cost()

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        return draws.uniform(*pixels.shape[1:])
