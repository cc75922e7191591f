"""The adaptive attack: an attacker who knows the detector tries several ways to evade it, and the best result counts.

Results are compared by the detector's true score of the rounded image, whatever surrogate the steps maximise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.adaptive import likeness, matching
from pathprint.profiling.attacks.adaptive.matching import Guides
from pathprint.profiling.attacks.ball import project, random_point
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.detection.detector import Detector

Steer = Callable[[Tensor], Tensor]
"""Takes pixels ``n c h w``, returns the direction of the next step, ``n c h w``."""


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Settings of the adaptive attack within an Linf ball.

    Attributes:
        budget: radius of the ball, in pixels of [0, 1].
        steps: gradient steps of each attempt.
        weights: weights of the path's likeness relative to the wrong answer; one attempt per weight and lead.
        leads: logits by which the wrong answer should lead; once it does, a step works on the path only. Several
            are tried because the detector notices both too little and too much confidence.
        matched: how many of the last weighted layers to match to a guide image; one attempt per entry and guide.
            None means all layers.
        guides: guide images per attacked image: clean images of another class.
        looks: number of steps after which the true detector is asked again.
    """

    budget: float
    steps: int = 60
    weights: tuple[float, ...] = (0.0, 0.3, 1.0, 3.0)
    leads: tuple[float, ...] = (0.5, 8.0)
    matched: tuple[int | None, ...] = (1, None)
    guides: int = 5
    looks: int = 10


@dataclass(frozen=True)
class Evasion:
    """The best result of the adaptive attack for each image.

    Attributes:
        pixels: rounded to 8 bit, ``n c h w``; the clean image if no wrong answer was found.
        wrong: whether a wrong answer was found, ``(n,)``. Only classes on which the detector gives verdicts count: for
            all others its verdict is ``uncertain``, so the attacker gains nothing.
        scores: the detector's score, ``(n,)``; infinite if no wrong answer was found.
    """

    pixels: Tensor
    wrong: Tensor
    scores: Floats

    def evaded(self, threshold: float) -> Tensor:
        """Return which images are answered wrongly without being flagged."""
        return self.wrong & torch.from_numpy(self.scores <= threshold)


def unbeaten(pixels: Tensor) -> Evasion:
    """Return the state before the first attempt: clean images, and no wrong answer found."""
    return Evasion(pixels, torch.zeros(len(pixels), dtype=torch.bool), np.full(len(pixels), np.inf))


def evade(
    detector: Detector,
    pixels: Tensor,
    labels: Tensor,
    attempt: Adaptive,
    seed: int = 0,
    guides: Guides | None = None,
    known: Evasion | None = None,
) -> Evasion:
    """Search for wrong answers with the lowest detector score; the same seed gives the same images.

    Args:
        pixels: clean images ``n c h w``; ``labels`` their classes, ``(n,)``.
        guides: clean images whose activations are matched; the attacked images themselves if None.
        known: what a smaller budget has found; it is kept for images where nothing better is found.
    """
    found = known or unbeaten(pixels)
    pixels, labels = pixels.clone(), labels.clone()  # tensors made in inference mode cannot take part in gradients
    draws = Draws(pixels, seed)
    for steer in _ways(detector, labels, guides or Guides(pixels, labels), attempt, draws):
        made = random_point(pixels, "Linf", attempt.budget, draws)
        for step in range(1, attempt.steps + 1):
            length = 2 * attempt.budget * (1 - (step - 1) / attempt.steps) / 5
            made = project(made + length * steer(made).sign(), pixels, "Linf", attempt.budget)
            if step % attempt.looks == 0 or step == attempt.steps:
                found = _better(found, detector, made, labels)
    return found


def _ways(detector: Detector, labels: Tensor, guides: Guides, attempt: Adaptive, draws: Draws) -> Iterator[Steer]:
    """Yield the direction function of every attempt."""
    for weight in attempt.weights:
        for lead in attempt.leads:
            yield partial(likeness.direction, detector, labels, weight, lead)
    for chosen in guides.choose(labels, detector.judged, attempt.guides, draws):
        for layers in attempt.matched:
            yield partial(matching.direction, matching.Target.of(detector, chosen, layers))


def _better(found: Evasion, detector: Detector, made: Tensor, labels: Tensor) -> Evasion:
    """Return for each image the better of ``found`` and ``made``, by the true detector on rounded pixels."""
    rounded = to_8_bit(made)
    paths, table = detector.maker.make(rounded)
    scores = detector.score.total(table.values)
    wrong = (torch.from_numpy(paths.seeds) != labels) & torch.from_numpy(np.isin(paths.seeds, detector.judged))
    take = wrong & torch.from_numpy(scores < found.scores)
    chosen = torch.where(take.reshape(-1, 1, 1, 1), rounded, found.pixels)
    return Evasion(chosen, found.wrong | take, np.where(take.numpy(), scores, found.scores))
