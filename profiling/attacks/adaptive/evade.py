"""An attacker who knows the detector, and tries everything known against it; the best result counts.

What decides is the detector's true score of the rounded image, whatever the steps climb.
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
from pathprint.profiling.detection.scores import total

Steer = Callable[[Tensor], Tensor]
"""Says where to go from pixels ``n c h w``."""


@dataclass(frozen=True, slots=True)
class Adaptive:
    """How hard to try, within an Linf ball.

    Attributes:
        weights: how much the path counts beside the wrong answer; each is tried, the best result stays.
        leads: logits by which the wrong answer should lead; while it does, only the path is worked on.
            Each is tried from another random point, as both too little and too much confidence show.
        matched: of so many last weighted layers the outputs are made like those of an image of another
            class; each is tried. None stands for all layers.
        guides: so many other images are tried for each of ``matched``.
        looks: the true detector is asked after every so many steps.
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
    """The best that was found for each image.

    Attributes:
        pixels: rounded to 8 bit, ``n c h w``; the clean image where no wrong answer was found.
        wrong: the network answers with a wrong class that the detector judges, ``(n,)``. On others
            its verdict is ``uncertain``, so nothing is won there.
        scores: the detector's, ``(n,)``; infinite where no wrong answer was found.
    """

    pixels: Tensor
    wrong: Tensor
    scores: Floats

    def evaded(self, threshold: float) -> Tensor:
        """Return which images are answered wrongly without being flagged."""
        return self.wrong & torch.from_numpy(self.scores <= threshold)


def unbeaten(pixels: Tensor) -> Evasion:
    """Return what an attacker has who has tried nothing yet."""
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
        guides: clean images to make others like; the images themselves if there are none.
        known: what a smaller budget has found; it stays where nothing better comes up.
    """
    found = known or unbeaten(pixels)
    pixels, labels = pixels.clone(), labels.clone()  # predictions are made in inference mode
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
    """Yield every way to go that is tried, each from a random point of its own."""
    for weight in attempt.weights:
        for lead in attempt.leads:
            yield partial(likeness.direction, detector, labels, weight, lead)
    for chosen in guides.choose(labels, detector.judged, attempt.guides, draws):
        for layers in attempt.matched:
            yield partial(matching.direction, matching.Target.of(detector, chosen, layers))


def _better(found: Evasion, detector: Detector, made: Tensor, labels: Tensor) -> Evasion:
    """Return the better of both for each image, by the true detector on rounded pixels."""
    rounded = to_8_bit(made)
    paths, table = detector.maker.make(rounded)
    scores = total(detector.score, table.values)
    wrong = (torch.from_numpy(paths.seeds) != labels) & torch.from_numpy(np.isin(paths.seeds, detector.judged))
    take = wrong & torch.from_numpy(scores < found.scores)
    chosen = torch.where(take.reshape(-1, 1, 1, 1), rounded, found.pixels)
    return Evasion(chosen, found.wrong | take, np.where(take.numpy(), scores, found.scores))
