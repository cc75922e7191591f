"""Third way to evade: descend the detector's own score, from the best image that the other ways have found.

Small steps matter more than exact slopes: what a path is made of jumps, and a step that helps by its slope often loses
the wrong answer, or more elsewhere than it gains. So each step begins at the best image so far, moves only some of the
pixels, and is taken only if the true detector agrees. The next step moves half as many pixels after one that was not
taken, and half as many again after one that was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.attacks.adaptive.evade import Evasion, better, judged, put
from pathprint.profiling.attacks.adaptive.slope import Sharing, downhill
from pathprint.profiling.attacks.ball import project
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.detection.detector import Detector

_FIRST, _MOST = 0.05, 0.5
"""Share of the pixel values that the first step moves, and that a step moves at most."""
_GROWTH = 1.5
_OPEN = 0.5
"""Share of the pixel values that may move in a step. They are drawn anew each time, so that no step is tried twice."""


@dataclass(frozen=True)
class Descent:
    """How the score is descended.

    Attributes:
        budget: radius of the Linf ball around clean images.
        steps: how often the true detector is asked about a step.
        enough: an image with at most this score is left as it is.
    """

    detector: Detector
    budget: float
    steps: int
    sharing: Sharing
    enough: float = -np.inf
    seed: int = 0

    def of(self, pixels: Tensor, labels: Tensor, found: Evasion) -> Evasion:
        """Return for each image one that is at least as good as the one in ``found``.

        Args:
            pixels: clean images ``n c h w``; ``labels`` their classes, ``(n,)``.
            found: where to begin. An image without a wrong answer is left as it is.
        """
        left = torch.from_numpy(np.flatnonzero(found.wrong.numpy() & (found.scores > self.enough)))
        return put(found, left, self._least(pixels[left], labels[left], found.at(left))) if len(left) else found

    def _least(self, pixels: Tensor, labels: Tensor, best: Evasion) -> Evasion:
        draws, down = Draws(pixels, self.seed), torch.zeros_like(pixels)
        new, share = torch.ones(len(pixels), dtype=torch.bool), torch.full((len(pixels),), _FIRST)
        for _ in range(self.steps):
            if (best.scores <= self.enough).all():
                break
            if new.any():
                down[new] = downhill(self.detector, labels[new], self.sharing, best.pixels[new])
            far = project(best.pixels + 2 * self.budget * down.sign(), pixels, "Linf", self.budget)
            tried = judged(self.detector, _moved(best.pixels, far, down, share, draws), labels)
            new = torch.from_numpy(tried.scores < best.scores)
            best = better(best, tried)
            share = torch.where(new, (share * _GROWTH).clamp(max=_MOST), share / 2)
            share = torch.where(share * pixels[0].numel() < 1, torch.full_like(share, _FIRST), share)
        return best


def _moved(made: Tensor, far: Tensor, down: Tensor, share: Tensor, draws: Draws) -> Tensor:
    """Return ``made`` with a share of its pixel values moved to ``far``: of those drawn, the ones that gain most."""
    gain = (down * (far - made)).flatten(1) * (draws.uniform(made[0].numel()) < _OPEN)
    moved = (share * gain.shape[1]).long().clamp(min=1)
    rank = gain.argsort(1, descending=True).argsort(1)
    chosen = (rank < moved[:, None]) & (gain > 0)
    return torch.where(chosen.reshape(made.shape), far, made)
