"""Attacks that foolbox has and we need not write: DeepFool, Carlini-Wagner, HopSkipJump."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pathprint.profiling.attacks.attack import Goal, Logits
from pathprint.profiling.attacks.ball import wrong_side
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.errors import MissingExtraError

_STARTS = 20
LIBRARY = "foolbox"


@dataclass(frozen=True, slots=True)
class DeepFool:
    """Walk to the nearest linearised boundary, and a share beyond (Moosavi-Dezfooli et al. 2016)."""

    library: ClassVar[str] = LIBRARY

    overshoot: float
    steps: int = 50

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        foolbox = load_foolbox()
        attack = foolbox.attacks.L2DeepFoolAttack(overshoot=self.overshoot, steps=self.steps)
        return _run(attack, logits, pixels, goal)


@dataclass(frozen=True, slots=True)
class CarliniWagner:
    """The smallest L2 change after which the answer leads by ``confidence`` (Carlini & Wagner 2017)."""

    library: ClassVar[str] = LIBRARY

    confidence: float
    searches: int = 5
    steps: int = 100
    step: float = 0.05
    initial_const: float = 1.0

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        attack = load_foolbox().attacks.L2CarliniWagnerAttack(
            binary_search_steps=self.searches,
            steps=self.steps,
            stepsize=self.step,
            confidence=self.confidence,
            initial_const=self.initial_const,
            abort_early=False,  # it would stop all images of a chunk when their sum stops falling
        )
        made = _run(attack, logits, pixels, goal)
        # foolbox gives a black image where it finds nothing, which the network may well misread.
        nothing = (made == 0).flatten(1).all(1)
        return torch.where(nothing.reshape(-1, 1, 1, 1), pixels, made)


@dataclass(frozen=True, slots=True)
class HopSkipJump:
    """Walk along the boundary with the answers alone, no scores (Chen et al. 2020).

    Directions are drawn for a whole chunk by the library, so this attack's images depend on the chunk.

    Attributes:
        steps: of the walk; each costs about 20 queries beside ``directions`` times the root of its number.
    """

    library: ClassVar[str] = LIBRARY

    steps: int
    directions: int

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


def _starts(logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return images that reach the goal, and for which images one was found.

    First noise, then, as a network may take all noise for one class, the other images of the chunk.
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
    """The network as a torch module on pixels, which the library insists on."""

    def __init__(self, logits: Logits) -> None:
        super().__init__()
        self._logits = logits

    def forward(self, pixels: Tensor) -> Tensor:
        return self._logits(pixels)


def load_foolbox() -> Any:
    """Return the foolbox module.

    Raises:
        MissingExtraError: it is not installed.
    """
    # foolbox imports GitPython, which refuses to be imported where git is not installed.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    try:
        import foolbox
    except ImportError as error:
        raise MissingExtraError("attacks need foolbox; install the extra: pip install 'pathprint[attacks]'.") from error
    return foolbox
