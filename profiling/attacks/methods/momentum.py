"""Gradient steps with a memory, or with smoothed gradients: MI-FGSM and TI-FGSM, which carry over to other networks."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from pathprint.profiling.attacks.attack import Cost, Goal, Logits, climb
from pathprint.profiling.attacks.ball import project
from pathprint.profiling.attacks.draws import Draws

_TINY = 1e-12
_REACH = 2.5
"""Standard deviations after which the bell that smooths a gradient is cut off, as in the paper's 15 x 15 for 3."""


@dataclass(frozen=True, slots=True)
class Momentum:
    """Steps along the sign of a sum of gradients, in an Linf ball that the steps together just reach the edge of.

    MI-FGSM (Dong et al. 2018) adds up the gradients, each divided by its mean absolute value. TI-FGSM (Dong et al.
    2019) smooths each gradient with a Gaussian bell, so that the change is smooth, too.

    Attributes:
        steps: number of steps, each ``budget / steps`` long.
        decay: share of the older sum that is kept in each step; 0 follows the newest gradient alone.
        smoothing: standard deviation of the bell in pixels; 0 does not smooth.
    """

    budget: float
    steps: int = 10
    decay: float = 1.0
    smoothing: float = 0.0

    @property
    def cost(self) -> Cost:
        return Cost(gradients=self.steps)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        made, memory = pixels, torch.zeros_like(pixels)
        for _ in range(self.steps):
            _, _, gradient = climb(logits, made, goal.loss)
            newest = smoothed(gradient, self.smoothing) if self.smoothing else gradient
            size = newest.abs().flatten(1).mean(1).clamp(min=_TINY).reshape(-1, 1, 1, 1)
            memory = self.decay * memory + newest / size
            made = project(made + self.budget / self.steps * memory.sign(), pixels, "Linf", self.budget)
        return made


def smoothed(gradient: Tensor, sigma: float) -> Tensor:
    """Return each channel of ``n c h w`` convolved with a Gaussian bell; beyond the edges there are zeros."""
    reach = ceil(_REACH * sigma - 0.5)
    steps = torch.arange(-reach, reach + 1, dtype=gradient.dtype, device=gradient.device)
    bell = torch.softmax(-((steps / sigma) ** 2) / 2, dim=0)
    channels = gradient.shape[1]
    for shape, padding in (((2 * reach + 1, 1), (reach, 0)), ((1, 2 * reach + 1), (0, reach))):
        kernel = bell.reshape(shape).expand(channels, 1, *shape)
        gradient = F.conv2d(gradient, kernel, padding=padding, groups=channels)
    return gradient
