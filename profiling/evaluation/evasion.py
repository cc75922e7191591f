"""What the adaptive attack achieves at each budget, and what shows whether to believe it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from pathprint.profiling.evaluation.metrics import Estimate

HALF = 0.5
"""The share of the images at which a detector's gain is read off."""


@dataclass(frozen=True, slots=True)
class EvasionPoint:
    """The adaptive attack at one Linf budget, at the bundle's threshold.

    Attributes:
        budget: in pixels of [0, 1].
        wrong: share of images for which a wrong answer was found. Only classes on which the detector gives verdicts
            count.
        evaded: share of images for which a wrong answer was found that is not flagged.
        flagged: share of the images with a wrong answer whose every attempt is flagged.
        gradients: share that evades by the ways that use gradients, at this budget alone. ``evaded`` counts the best of
            all ways and of smaller budgets.
        added_by_queries: share that the search without gradients adds to ``gradients``.
        added_by_descent: share that descending the score adds to both.
        steps: pairs of a number of steps of each way and the share ``gradients`` after it, ascending. Before two thirds
            of the steps it is a lower bound, as an image that evades by then is not attacked in further ways.
    """

    budget: float
    wrong: Estimate
    evaded: Estimate
    flagged: Estimate
    gradients: float = float("nan")
    added_by_queries: float = float("nan")
    added_by_descent: float = float("nan")
    steps: Sequence[tuple[int, float]] = ()


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that has to hold unless gradients are masked or the attack stops too early.

    Attributes:
        name: what has to hold.
        worst: by how much it fails at most, as a share of the images; 0 if it holds.
    """

    name: str
    worst: float

    @property
    def holds(self) -> bool:
        return self.worst <= 0


def signs(points: Sequence[EvasionPoint]) -> list[Sign]:
    """Return the signs at points of ascending budget (Carlini et al. 2019, section 3.2)."""
    measured = [point for point in points if isfinite(point.gradients)]
    if not measured:
        return []
    falls = [one.gradients - more.gradients for one, more in pairwise(measured)]
    return [
        Sign("a larger budget is never worse", _most(falls)),
        Sign("queries find nothing that gradients do not", _most([point.added_by_queries for point in measured])),
        Sign("the last third of the steps finds nothing more", _most([_still_rising(p) for p in measured])),
        Sign("the largest budget evades on every image", _most([1 - measured[-1].evaded.value])),
    ]


def _most(failures: Sequence[float]) -> float:
    return max((0.0, *(failure for failure in failures if isfinite(failure))))


def _still_rising(point: EvasionPoint) -> float:
    """Return how much larger a share evades after all steps than after two thirds of them."""
    earlier = [share for steps, share in point.steps if steps <= point.steps[-1][0] * 2 / 3]
    return point.gradients - earlier[-1] if earlier else 0.0


@dataclass(frozen=True, slots=True)
class Halfway:
    """The Linf budgets at which half the images are lost, on straight lines between those that were tried.

    Attributes:
        wrong: where a wrong answer is found for half of them: what is lost without a detector. nan if it is not
            reached.
        evaded: where a wrong answer is found for half of them that is not flagged: what is lost with the detector.
    """

    wrong: float
    evaded: float


def halfway(points: Sequence[EvasionPoint]) -> Halfway:
    """Return where half the images are lost, for points of ascending budget."""
    budgets = [point.budget for point in points]
    return Halfway(_half(budgets, [p.wrong.value for p in points]), _half(budgets, [p.evaded.value for p in points]))


def _half(budgets: Sequence[float], shares: Sequence[float]) -> float:
    """Return the budget at which a share that rises from 0 at budget 0 is a half; nan if it never is."""
    for (low, before), (high, share) in pairwise([(0.0, 0.0), *zip(budgets, shares, strict=True)]):
        if share >= HALF:
            return low + (high - low) * (HALF - before) / (share - before)
    return float("nan")
