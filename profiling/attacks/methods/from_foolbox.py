"""Attacks taken from foolbox (extra ``attacks``): DeepFool, Carlini-Wagner, EAD, DDN, HopSkipJump."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pathprint.profiling.attacks.attack import Cost, Goal, Logits
from pathprint.profiling.attacks.ball import wrong_side
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.errors import MissingExtraError

_STARTS = 20
_CANDIDATES = 10
"""Likeliest classes that DeepFool looks at."""
_BISECTIONS = 32
"""Most halvings in which HopSkipJump finds the boundary on a line, for images of up to two million values."""
_HALVINGS = 40
"""Most halvings of HopSkipJump's step: after them float32 numbers do not change any more."""
LIBRARY = "foolbox"


@dataclass(frozen=True, slots=True)
class DeepFool:
    """Step to the nearest linearised decision boundary until it is crossed (Moosavi-Dezfooli et al. 2016).

    Attributes:
        overshoot: share by which the change goes beyond the boundary.
        steps: most steps.
    """

    library: ClassVar[str] = LIBRARY

    overshoot: float
    steps: int = 50

    @property
    def cost(self) -> Cost:
        return Cost(answers=1, gradients=self.steps * (_CANDIDATES - 1), at_most=True)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        foolbox = load_foolbox()
        attack = foolbox.attacks.L2DeepFoolAttack(overshoot=self.overshoot, steps=self.steps, candidates=_CANDIDATES)
        return _run(attack, logits, pixels, goal)


@dataclass(frozen=True, slots=True)
class CarliniWagner:
    """Search for the smallest L2 change after which a wrong class leads (Carlini & Wagner 2017).

    Attributes:
        confidence: logits by which the wrong class has to lead.
        searches: steps of a binary search for the weight of success against size; it starts at ``initial_const``.
        steps: optimiser steps for each weight; ``step`` is their learning rate.
    """

    library: ClassVar[str] = LIBRARY

    confidence: float
    searches: int = 5
    steps: int = 100
    step: float = 0.05
    initial_const: float = 1.0

    @property
    def cost(self) -> Cost:
        return Cost(gradients=self.searches * self.steps)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        attack = load_foolbox().attacks.L2CarliniWagnerAttack(
            binary_search_steps=self.searches,
            steps=self.steps,
            stepsize=self.step,
            confidence=self.confidence,
            initial_const=self.initial_const,
            abort_early=False,  # foolbox would stop all images of a chunk as soon as their summed loss stops falling
        )
        return _or_unchanged(_run(attack, logits, pixels, goal), pixels)


@dataclass(frozen=True, slots=True)
class ElasticNet:
    """Search for a wrong answer with a small sum of changes, in few values (EAD, Chen et al. 2018).

    It is Carlini-Wagner's search with ``sparsity`` times the L1 norm added to the squared L2 norm; of the wrong answers
    that it passes, the one with the smallest L1 norm is kept.

    Attributes:
        sparsity: weight of the L1 norm (beta in the paper).
        searches: steps of a binary search for the weight of success against size; it starts at ``initial_const``.
        steps: steps for each weight; ``step`` is the length of the first one.
    """

    library: ClassVar[str] = LIBRARY

    sparsity: float = 0.01
    searches: int = 5
    steps: int = 100
    step: float = 0.05
    initial_const: float = 1.0

    @property
    def cost(self) -> Cost:
        return Cost(answers=self.searches * self.steps, gradients=self.searches * self.steps)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        attack = load_foolbox().attacks.EADAttack(
            binary_search_steps=self.searches,
            steps=self.steps,
            initial_stepsize=self.step,
            initial_const=self.initial_const,
            regularization=self.sparsity,
            decision_rule="L1",
            abort_early=False,  # foolbox would stop all images of a chunk as soon as their summed loss stops falling
        )
        return _or_unchanged(_run(attack, logits, pixels, goal), pixels)


@dataclass(frozen=True, slots=True)
class DecoupledNorm:
    """Follow the gradient on a ball that shrinks after a wrong answer and else grows (DDN, Rony et al. 2019).

    Attributes:
        steps: number of steps.
        radius: L2 radius of the first ball.
        change: share by which the radius shrinks or grows in each step (gamma in the paper).
    """

    library: ClassVar[str] = LIBRARY

    steps: int = 100
    radius: float = 1.0
    change: float = 0.05

    @property
    def cost(self) -> Cost:
        return Cost(gradients=self.steps)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        attack = load_foolbox().attacks.DDNAttack(init_epsilon=self.radius, steps=self.steps, gamma=self.change)
        with torch.random.fork_rng():  # foolbox draws a direction where a gradient is exactly zero
            torch.manual_seed(draws.chunk_seed)
            return _run(attack, logits, pixels, goal)


@dataclass(frozen=True, slots=True)
class HopSkipJump:
    """Walk along the decision boundary, using predicted classes only (Chen et al. 2020).

    foolbox draws its random directions for a whole chunk, so an image's result depends on the others of its chunk.

    Attributes:
        steps: steps of the walk; step k costs about 20 + ``directions`` * sqrt(k) queries.
        directions: random directions that the first step's gradient is estimated from.
    """

    library: ClassVar[str] = LIBRARY

    steps: int
    directions: int

    @property
    def cost(self) -> Cost:
        directions = sum(int(self.directions * sqrt(step)) for step in range(1, self.steps + 1))
        boundary = 2 + _BISECTIONS + self.steps * (2 + _BISECTIONS + _HALVINGS)
        return Cost(answers=2 * _STARTS + directions + boundary, at_most=True)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        start, found = _starts(logits, pixels, goal, draws)
        made = pixels.clone()
        if found.any():
            attack = load_foolbox().attacks.HopSkipJumpAttack(
                steps=self.steps, initial_gradient_eval_steps=self.directions
            )
            with torch.random.fork_rng():
                torch.manual_seed(draws.chunk_seed)
                made[found] = _run(attack, logits, pixels[found], goal.some(found), starting_points=start[found])
        return made


def _or_unchanged(made: Tensor, pixels: Tensor) -> Tensor:
    """Return what foolbox made; where it found nothing, it gives a black image, and the image itself is returned."""
    nothing = (made == 0).flatten(1).all(1)
    return torch.where(nothing.reshape(-1, 1, 1, 1), pixels, made)


def _starts(logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return starting points ``n c h w`` that reach the goal, and for which images one was found, bool ``(n,)``.

    Noise is tried first, then the other images of the chunk, because a network may give all noise the same class.
    """
    start, found = pixels.clone(), torch.zeros(len(pixels), dtype=torch.bool, device=pixels.device)
    for attempt in range(2 * _STARTS):
        tried = draws.uniform(*pixels.shape[1:]) if attempt < _STARTS else pixels.roll(attempt - _STARTS + 1, 0)
        with torch.no_grad():
            reached = ~found & wrong_side(goal.margin(logits(tried)))
        start[reached] = tried[reached]
        found |= reached
    return start, found


def _run(attack: Any, logits: Logits, pixels: Tensor, goal: Goal, **options: Tensor) -> Tensor:
    foolbox = load_foolbox()
    model = foolbox.PyTorchModel(_Pixels(logits).eval(), bounds=(0, 1), device=pixels.device)
    criterion = (
        foolbox.criteria.Misclassification(goal.labels)
        if goal.targets is None
        else foolbox.criteria.TargetedMisclassification(goal.targets)
    )
    made: Tensor = attack.run(model, pixels, criterion, **options)
    return made.detach()


class _Pixels(nn.Module):
    """The attacked network as a torch module on pixels, which foolbox requires."""

    def __init__(self, logits: Logits) -> None:
        super().__init__()
        self._logits = logits

    def forward(self, pixels: Tensor) -> Tensor:
        return self._logits(pixels)


def load_foolbox() -> Any:
    """Return the foolbox module.

    Raises:
        MissingExtraError: foolbox is not installed.
    """
    # foolbox imports GitPython, which refuses to be imported where git is not installed.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    try:
        import foolbox
    except ImportError as error:
        raise MissingExtraError(
            "this attack needs foolbox, which is not installed: pip install 'pathprint[attacks]'."
        ) from error
    return foolbox
