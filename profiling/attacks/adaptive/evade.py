"""The adaptive attack: an attacker who knows the detector tries several ways to evade it, and the best result counts.

Results are compared by the detector's true score of the rounded image, whatever surrogate the steps maximise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor

from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.adaptive import likeness, matching
from pathprint.profiling.attacks.adaptive.matching import Guides
from pathprint.profiling.attacks.adaptive.slope import SHARINGS, Sharing
from pathprint.profiling.attacks.ball import project, random_point
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.detection.detector import Detector

Steer = Callable[[Tensor], Tensor]
"""Takes pixels ``n c h w``, returns the direction of the next step, ``n c h w``."""
Way = Callable[[Tensor], Steer]
"""Takes the rows of the images that are attacked, returns what steers them."""


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
        queries: how often the search without gradients asks the detector about an image (``queries.py``).
        descents: steps down the score from the best image of all ways, once for each of ``sharings``
            (``descent.py``).
    """

    budget: float
    steps: int = 60
    weights: tuple[float, ...] = (0.0, 0.3, 1.0, 3.0)
    leads: tuple[float, ...] = (0.5, 8.0)
    matched: tuple[int | None, ...] = (1, None)
    guides: int = 5
    looks: int = 10
    queries: int = 300
    descents: int = 100
    sharings: tuple[Sharing, ...] = SHARINGS

    @property
    def ways(self) -> tuple[int, int]:
        """Number of ways that use gradients, and how many of them follow paths in each step."""
        following = sum(weight > 0 for weight in self.weights) * len(self.leads)
        return len(self.weights) * len(self.leads) + self.guides * len(self.matched), following

    @property
    def detections(self) -> int:
        """How many paths are extracted of an image at most.

        It is done at looks, for directions that follow paths, for queries, and for descents, where each step may need
        a direction and a judgement.
        """
        ways, following = self.ways
        descending = 2 * self.descents * len(self.sharings)
        return ways * len(self.looked) + following * self.steps + self.queries + descending

    @property
    def gradients(self) -> int:
        """How many gradients are computed of an image at most."""
        return self.ways[0] * self.steps + self.descents * len(self.sharings)

    @property
    def settled(self) -> int:
        """The last look within two thirds of the steps; the first one if there is none."""
        return max((step for step in self.looked if step <= self.steps * 2 / 3), default=self.looked[0])

    @property
    def looked(self) -> tuple[int, ...]:
        """The steps after which the true detector is asked."""
        return tuple(step for step in range(1, self.steps + 1) if step % self.looks == 0 or step == self.steps)


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

    def at(self, rows: Tensor) -> Evasion:
        """Return the results for the images in ``rows``."""
        return Evasion(self.pixels[rows], self.wrong[rows], self.scores[rows.numpy()])


def put(found: Evasion, rows: Tensor, better: Evasion) -> Evasion:
    """Return ``found`` with the results for the images in ``rows`` replaced."""
    pixels, wrong, scores = found.pixels.clone(), found.wrong.clone(), found.scores.copy()
    pixels[rows], wrong[rows], scores[rows.numpy()] = better.pixels, better.wrong, better.scores
    return Evasion(pixels, wrong, scores)


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
    return better(found, course(detector, pixels, labels, attempt, seed, guides)[attempt.steps])


def course(
    detector: Detector,
    pixels: Tensor,
    labels: Tensor,
    attempt: Adaptive,
    seed: int = 0,
    guides: Guides | None = None,
    enough: float = -np.inf,
) -> dict[int, Evasion]:
    """Return the best that all ways have found, by the number of steps that each had taken.

    Arguments are those of ``evade``, and:

    Args:
        enough: a score that is low enough. An image for which one was found by ``attempt.settled`` steps of a way is
            attacked no further. So after fewer steps than these more images may have been within reach. Ways that
            follow paths are tried only on images for which a wrong answer is known: they are the dearest, and climb
            towards a wrong answer with less force than the others.
    """
    pixels, labels = pixels.clone(), labels.clone()  # tensors made in inference mode cannot take part in gradients
    draws, found = Draws(pixels, seed), {step: unbeaten(pixels) for step in attempt.looked}
    everywhere = torch.ones(len(pixels), dtype=torch.bool)
    for way in _blind(detector, labels, guides or Guides(pixels, labels), attempt, draws):
        start = random_point(pixels, "Linf", attempt.budget, draws)
        found = _followed(detector, way, (pixels, labels, start), attempt, found, enough, everywhere)
    among = found[attempt.steps].wrong if np.isfinite(enough) else everywhere
    for way in _following(detector, labels, attempt):
        start = random_point(pixels, "Linf", attempt.budget, draws)
        found = _followed(detector, way, (pixels, labels, start), attempt, found, enough, among)
    return found


def _followed(
    detector: Detector,
    way: Way,
    images: tuple[Tensor, Tensor, Tensor],
    attempt: Adaptive,
    found: dict[int, Evasion],
    enough: float,
    among: Tensor,
) -> dict[int, Evasion]:
    """Return the best by number of steps after one more way.

    Args:
        images: pixels, labels, and where the way starts.
        among: which images are attacked, if their score is not low enough yet, ``(n,)``.
    """
    pixels, labels, start = images
    made = start.clone()
    for before, look in pairwise((0, *attempt.looked)):
        left = torch.from_numpy(np.flatnonzero(among.numpy() & (found[attempt.settled].scores > enough)))
        if not len(left):
            return found
        steer, here = way(left), made[left]
        for step in range(before, look):
            length = 2 * attempt.budget * (1 - step / attempt.steps) / 5
            here = project(here + length * steer(here).sign(), pixels[left], "Linf", attempt.budget)
        made[left], seen = here, judged(detector, here, labels[left])
        found = {n: put(best, left, better(best.at(left), seen)) if n >= look else best for n, best in found.items()}
    return found


def _blind(detector: Detector, labels: Tensor, guides: Guides, attempt: Adaptive, draws: Draws) -> Iterator[Way]:
    """Yield the attempts that follow no path."""
    for weight, lead in product(attempt.weights, attempt.leads):
        if not weight:
            yield partial(_by_likeness, detector, labels, weight, lead)
    for chosen in guides.choose(labels, detector.judged, attempt.guides, draws):
        for layers in attempt.matched:
            yield partial(_by_matching, detector, chosen, layers)


def _following(detector: Detector, labels: Tensor, attempt: Adaptive) -> Iterator[Way]:
    """Yield the attempts that follow paths."""
    for weight, lead in product(attempt.weights, attempt.leads):
        if weight:
            yield partial(_by_likeness, detector, labels, weight, lead)


def _by_likeness(detector: Detector, labels: Tensor, weight: float, lead: float, left: Tensor) -> Steer:
    return partial(likeness.direction, detector, labels[left], weight, lead)


def _by_matching(detector: Detector, guides: Tensor, layers: int | None, left: Tensor) -> Steer:
    return partial(matching.direction, matching.Target.of(detector, guides[left], layers))


def judged(detector: Detector, made: Tensor, labels: Tensor) -> Evasion:
    """Return what the true detector says of ``made``, rounded to 8 bit."""
    rounded = to_8_bit(made)
    paths, table = detector.maker.make(rounded)
    scores = detector.score.total(table.values)
    wrong = (torch.from_numpy(paths.seeds) != labels) & torch.from_numpy(np.isin(paths.seeds, detector.judged))
    return Evasion(rounded, wrong, np.where(wrong.numpy(), scores, np.inf))


def better(found: Evasion, other: Evasion) -> Evasion:
    """Return for each image the one with the lower score; at equal scores that of ``found``."""
    take = other.scores < found.scores
    rows = torch.from_numpy(take)
    pixels = torch.where(rows.reshape(-1, 1, 1, 1), other.pixels, found.pixels)
    return Evasion(pixels, found.wrong | rows, np.where(take, other.scores, found.scores))
