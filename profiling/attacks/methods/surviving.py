"""Minimal attacks that survive being saved: stretch the change until rounding to 8 bit keeps the wrong answer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.attacks.attack import Cost, Goal, Logits, Method, library_of
from pathprint.profiling.attacks.ball import wrong_side
from pathprint.profiling.attacks.draws import Draws

# On photographs DeepFool moves most values by less than half an 8-bit level, so rounding undoes all of it.
_FACTORS = (1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)


@dataclass(frozen=True, slots=True)
class Surviving:
    """Stretch the change that ``method`` makes by the smallest of ``factors`` whose result survives rounding.

    If no factor does, the image stays as ``method`` made it and can be a success before rounding only.
    """

    method: Method
    factors: tuple[float, ...] = _FACTORS

    @property
    def library(self) -> str | None:
        return library_of(self.method)

    @property
    def cost(self) -> Cost:
        return self.method.cost + Cost(answers=len(self.factors))

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        first = self.method(logits, pixels, goal, draws)
        made, open_ = first, torch.ones(len(first), dtype=torch.bool, device=first.device)
        for factor in self.factors:
            stretched = (pixels + factor * (first - pixels)).clamp(0, 1)
            with torch.no_grad():
                reached = open_ & wrong_side(goal.margin(logits(to_8_bit(stretched))))
            made = torch.where(reached.reshape(-1, 1, 1, 1), stretched, made)
            open_ &= ~reached
        return made
