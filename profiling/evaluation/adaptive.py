"""Detection of the adaptive attack, by an attacker who knows the detector, as a curve over the attacker's budget."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Bits
from pathprint.profiling.attacks.adaptive.descent import Descent
from pathprint.profiling.attacks.adaptive.evade import Adaptive, Evasion, better, course, put, unbeaten
from pathprint.profiling.attacks.adaptive.matching import Guides
from pathprint.profiling.attacks.adaptive.queries import by_queries
from pathprint.profiling.data.correct import Correct, at_once
from pathprint.profiling.data.roles import Test
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.evaluation.evasion import EvasionPoint
from pathprint.profiling.evaluation.metrics import Resampling
from pathprint.profiling.progress import track

log = logging.getLogger("pathprint.evaluation")
GREY, RGB = (0.05, 0.1, 0.2, 0.3, 0.4), (1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)


def curve(
    detector: Detector, clean: Correct[Test], limit: int, seed: int, effort: Callable[[float], Adaptive] = Adaptive
) -> tuple[EvasionPoint, ...]:
    """Run the adaptive attack on the first ``limit`` clean images; return a point per Linf budget, ascending.

    Images are flagged at the bundle's threshold. Budgets are ``GREY`` or ``RGB``, by the number of channels.

    Args:
        effort: makes the settings of the attack from a budget.
    """
    threshold = detector.calibration.threshold
    pixels, labels, images = clean.pixels[:limit], clean.labels[:limit], clean.indices[:limit]
    budgets = GREY if pixels.shape[1] == 1 else RGB
    log.info("%s", told(effort(budgets[0]), len(pixels), len(budgets)))
    size = at_once(pixels)  # a gradient keeps all activations in memory
    parts = list(zip(torch.split(pixels, size), torch.split(labels, size), strict=True))
    by_image, points = Resampling.over(images), []
    found, guides = [unbeaten(x) for x, _ in parts], Guides(clean.pixels, clean.labels)
    for budget in budgets:
        attempt = effort(budget)
        tries = track(parts, f"adaptive attack {budget:.3f}", lambda pair: len(pair[0]))
        tried = [Tried.of(detector, x, y, attempt, seed, guides) for x, y in tries]
        # What a smaller budget found also lies within a larger one.
        found = [better(known, one.descended) for known, one in zip(found, tried, strict=True)]
        evaded, wrong = _evaded(found, threshold), np.concatenate([part.wrong.numpy() for part in found])
        by_ways = _share([one.by_ways for one in tried], threshold)
        by_queries = _share([one.queried for one in tried], threshold)
        points.append(
            EvasionPoint(
                budget=budget,
                wrong=by_image.share(wrong, images),
                evaded=by_image.share(evaded, images),
                flagged=by_image.share(~evaded[wrong], images[wrong]),
                gradients=by_ways,
                added_by_queries=by_queries - by_ways,
                added_by_descent=_share([one.descended for one in tried], threshold) - by_queries,
                steps=[(step, _share([one.by_steps[step] for one in tried], threshold)) for step in attempt.looked],
            )
        )
    return tuple(points)


def told(attempt: Adaptive, images: int, budgets: int) -> str:
    """Return what the attack is going to cost, in words."""
    return (
        f"the adaptive attack asks for at most {attempt.detections:,} detections and {attempt.gradients:,} gradients "
        f"of each of {images} images at each of {budgets} budgets, {images * budgets * attempt.detections:,} "
        "detections in all; images that evade early need far fewer"
    )


@dataclass(frozen=True)
class Tried:
    """What was found for some images at one budget.

    Attributes:
        by_steps: by the ways that use gradients, after numbers of steps.
        queried: the best of these and of the search without gradients, for images that the former have left.
        descended: the best of all, the score having been descended from ``queried`` where it is still flagged.
    """

    by_steps: Mapping[int, Evasion]
    queried: Evasion
    descended: Evasion

    @staticmethod
    def of(detector: Detector, pixels: Tensor, labels: Tensor, attempt: Adaptive, seed: int, guides: Guides) -> Tried:
        threshold, clean = detector.calibration.threshold, pixels.clone()
        by_steps = course(detector, pixels, labels, attempt, seed, guides, threshold)
        queried = by_steps[attempt.steps]
        left = torch.from_numpy(np.flatnonzero(queried.scores > threshold))
        if len(left):
            searched = by_queries(detector, clean[left], labels[left], attempt.budget, attempt.queries, seed)
            queried = put(queried, left, better(queried.at(left), searched))
        descended = queried
        for number, sharing in enumerate(attempt.sharings):  # other draws, so that the second one tries other steps
            descent = Descent(detector, attempt.budget, attempt.descents, sharing, threshold, seed + number)
            descended = descent.of(clean, labels.clone(), descended)
        return Tried(by_steps, queried, descended)

    @property
    def by_ways(self) -> Evasion:
        """What the ways that use gradients have found after all their steps."""
        return self.by_steps[max(self.by_steps)]


def _evaded(found: Sequence[Evasion], threshold: float) -> Bits:
    return np.concatenate([part.evaded(threshold).numpy() for part in found])


def _share(found: Sequence[Evasion], threshold: float) -> float:
    return float(_evaded(found, threshold).mean())
