"""APGD: gradient ascent that halves its own step, the core of AutoAttack (Croce & Hein 2020, algorithm 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Literal

import torch
from torch import Tensor

from pathprint.profiling.attacks.attack import Cost, Goal, Logits, Norm, climb
from pathprint.profiling.attacks.ball import project, random_point, steepest, wrong_side
from pathprint.profiling.attacks.draws import Draws

_MOMENTUM = 0.75
_IMPROVING = 0.75  # share of the steps since the last checkpoint that have to improve the loss
_TINY = 1e-12


@dataclass
class _Search:
    """State of each image's search; ``checkpoint_*`` are the values at the last checkpoint."""

    made: Tensor
    before: Tensor
    step: Tensor
    best: Tensor
    best_loss: Tensor
    improved: Tensor
    checkpoint_step: Tensor
    checkpoint_best: Tensor


@dataclass(frozen=True, slots=True)
class Apgd:
    """Auto-PGD (Croce & Hein 2020).

    Attributes:
        steps: gradient steps per image.
        loss: ``ce`` is the cross-entropy. ``dlr`` is the difference of logits ratio (section 4.1 of the paper), which
            does not change when the logits are scaled; it needs at least three classes.
    """

    norm: Norm
    budget: float
    steps: int = 50
    loss: Literal["ce", "dlr"] = "ce"

    @property
    def cost(self) -> Cost:
        checkpoints = len(_checkpoints(self.steps) & set(range(1, self.steps)))
        return Cost(gradients=self.steps + checkpoints + 1)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        loss = goal.loss if self.loss == "ce" else lambda found: _ratio(found, goal)
        start = random_point(pixels, self.norm, self.budget, draws)
        search, found = self._begin(logits, pixels, start, loss)
        fooled, fooling = wrong_side(goal.margin(found)), start
        checkpoints, last = _checkpoints(self.steps), 0
        for k in range(1, self.steps):
            found, value, gradient = climb(logits, search.made, loss)
            # The loss may fall again after the goal was reached, so the image that reached it is kept.
            reached = wrong_side(goal.margin(found))
            fooling = torch.where(_wide(reached), search.made, fooling)
            fooled |= reached
            _keep_best(search, value)
            if k in checkpoints:
                self._checkpoint(search, k - last)
                last = k
                _, _, gradient = climb(logits, search.made, loss)
            self._move(search, pixels, gradient)
        found = climb(logits, search.best, loss)[0]
        settled = wrong_side(goal.margin(found)) | ~fooled
        return torch.where(_wide(settled), search.best, fooling)

    def _begin(
        self, logits: Logits, pixels: Tensor, start: Tensor, loss: Callable[[Tensor], Tensor]
    ) -> tuple[_Search, Tensor]:
        """Take the first step, of twice the budget; return the search and the logits at its start."""
        found, value, gradient = climb(logits, start, loss)
        step = torch.full_like(value, 2 * self.budget)
        made = project(start + _wide(step) * steepest(gradient, self.norm), pixels, self.norm, self.budget)
        search = _Search(made, start, step, start, value, torch.zeros_like(value), step.clone(), value.clone())
        return search, found

    def _move(self, search: _Search, pixels: Tensor, gradient: Tensor) -> None:
        ahead = search.made + _wide(search.step) * steepest(gradient, self.norm)
        ahead = project(ahead, pixels, self.norm, self.budget)
        mixed = search.made + _MOMENTUM * (ahead - search.made) + (1 - _MOMENTUM) * (search.made - search.before)
        search.before, search.made = search.made, project(mixed, pixels, self.norm, self.budget)

    def _checkpoint(self, search: _Search, steps: int) -> None:
        """Halve the step of images that hardly improved in the last ``steps``, and return them to their best point."""
        few = search.improved < _IMPROVING * steps
        stuck = (search.step == search.checkpoint_step) & (search.best_loss <= search.checkpoint_best)
        halve = few | stuck
        search.checkpoint_step, search.checkpoint_best = search.step.clone(), search.best_loss.clone()
        search.step = torch.where(halve, search.step / 2, search.step)
        search.made = torch.where(_wide(halve), search.best, search.made)
        search.before = torch.where(_wide(halve), search.best, search.before)
        search.improved = torch.zeros_like(search.improved)


def _keep_best(search: _Search, value: Tensor) -> None:
    better = value > search.best_loss
    search.improved += better
    search.best = torch.where(_wide(better), search.made, search.best)
    search.best_loss = torch.where(better, value, search.best_loss)


def _checkpoints(steps: int) -> frozenset[int]:
    """Return the steps that are checkpoints (Croce & Hein 2020, section 3.2)."""
    before, now, found = 0.0, 0.22, []
    while now < 1:
        found.append(ceil(round(now * steps, 6)))  # in floating point 0.41 + 0.16 is a little more than 0.57
        before, now = now, now + max(now - before - 0.03, 0.06)
    return frozenset(found)


def _ratio(logits: Tensor, goal: Goal) -> Tensor:
    """Return minus the margin, divided by the largest minus the third largest logit, ``(n,)``."""
    ordered = logits.sort(1, descending=True).values
    return -goal.margin(logits) / (ordered[:, 0] - ordered[:, 2]).clamp(min=_TINY)


def _wide(per_image: Tensor) -> Tensor:
    return per_image.reshape(-1, 1, 1, 1)
