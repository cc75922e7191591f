"""Gradient ascent inside a ball: FGSM, BIM and PGD are three settings of it.

FGSM is one full step (Goodfellow et al. 2015), BIM many small steps (Kurakin et al. 2017), PGD many small steps
from a random point (Madry et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pathprint.profiling.attacks.attack import Cost, Goal, Logits, Norm, climb
from pathprint.profiling.attacks.ball import project, random_point, steepest
from pathprint.profiling.attacks.draws import Draws


@dataclass(frozen=True, slots=True)
class Ascent:
    """Maximise the cross-entropy by steps of fixed length.

    Attributes:
        steps: number of steps.
        step: length of a step as a share of ``budget``.
        random_start: begin at a random point of the ball instead of the image.
    """

    norm: Norm
    budget: float
    steps: int
    step: float
    random_start: bool = False

    @property
    def cost(self) -> Cost:
        return Cost(gradients=self.steps)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        made = random_point(pixels, self.norm, self.budget, draws) if self.random_start else pixels
        for _ in range(self.steps):
            _, _, gradient = climb(logits, made, goal.loss)
            moved = made + self.step * self.budget * steepest(gradient, self.norm)
            made = project(moved, pixels, self.norm, self.budget)
        return made
