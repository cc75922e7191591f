"""Turned and moved images, found by search (after Engstrom et al. 2019): every pixel stays as it was, elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pathprint.profiling.attacks.attack import Cost, Goal, Logits
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.methods.search import first_wrong


@dataclass(frozen=True, slots=True)
class Spatial:
    """Turn an image about its centre and move it, both at random, until the answer is wrong.

    The range that is drawn from grows from try to try up to ``degrees`` and ``shift``, so that a small change is found
    where there is one. Values between pixels are interpolated bilinearly; beyond the edge its nearest pixel goes on.

    Attributes:
        degrees: largest angle, to either side.
        shift: largest move in each direction, as a share of height and width.
        tries: how often angle and move are drawn at most.
    """

    degrees: float
    shift: float
    tries: int = 100

    @property
    def cost(self) -> Cost:
        return Cost(answers=self.tries, at_most=True)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        def change(number: int) -> Tensor:
            part = (number + 1) / self.tries * (2 * draws.uniform(3) - 1)
            return moved(pixels, part[:, 0] * self.degrees, part[:, 1:] * self.shift)

        return first_wrong(logits, pixels, goal, self.tries, change)


def moved(pixels: Tensor, degrees: Tensor, shift: Tensor) -> Tensor:
    """Return images ``n c h w`` turned anticlockwise by ``degrees``, ``(n,)``, and then moved.

    Args:
        shift: shares of height and width by which each image moves down and to the right, ``(n, 2)``.
    """
    angle, (down, right) = torch.deg2rad(degrees), (2 * shift).unbind(1)
    cos, sin = angle.cos(), angle.sin()
    tall = pixels.shape[2] / pixels.shape[3]  # sampling has -1 to 1 on both sides, however long they are
    # Sampling asks where a pixel comes from: first back by the move, then back by the turn.
    matrix = torch.stack([torch.stack([cos, -sin * tall], 1), torch.stack([sin / tall, cos], 1)], 1)
    start = -(matrix @ torch.stack([right, down], 1)[:, :, None])
    grid = F.affine_grid(torch.cat([matrix, start], 2), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
