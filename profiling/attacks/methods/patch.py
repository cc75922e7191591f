"""An adversarial patch: anything goes inside one square, nothing outside (after Brown et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pathprint.profiling.attacks.attack import Cost, Goal, Logits, climb
from pathprint.profiling.attacks.draws import Draws


@dataclass(frozen=True, slots=True)
class Patch:
    """Optimise a square at a random place of each image, by steps along the gradient's sign.

    The paper makes one patch for all images and places; here each image and place gets its own, which is a stronger
    attack.

    Attributes:
        area: share of the image that the square may cover.
        steps: number of steps.
        step: change of a value in the first step, in pixels of [0, 1]; it falls linearly to zero.
    """

    area: float
    steps: int = 60
    step: float = 0.1

    @property
    def cost(self) -> Cost:
        return Cost(gradients=self.steps)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        inside = self.where(pixels, draws)
        made = torch.where(inside, draws.uniform(*pixels.shape[1:]), pixels)
        for k in range(self.steps):
            _, _, gradient = climb(logits, made, goal.loss)
            moved = made + self.step * (1 - k / self.steps) * gradient.sign()
            made = torch.where(inside, moved.clamp(0, 1), pixels)
        return made

    def where(self, pixels: Tensor, draws: Draws) -> Tensor:
        """Return each image's square, bool ``n 1 h w``."""
        height, width = pixels.shape[2:]
        side = max(1, min(int((self.area * height * width) ** 0.5), height, width))
        room = torch.tensor([height - side + 1, width - side + 1], device=pixels.device)
        top, left = (draws.uniform(2) * room).long().unbind(1)
        rows, columns = (torch.arange(length, device=pixels.device) for length in (height, width))
        tall = (rows >= top[:, None]) & (rows < top[:, None] + side)
        broad = (columns >= left[:, None]) & (columns < left[:, None] + side)
        return tall[:, None, :, None] & broad[:, None, None, :]
