"""What the adaptive attack achieves at each budget, and what shows whether to believe it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from pathprint.profiling.evaluation.metrics import Estimate


@dataclass(frozen=True, slots=True)
class EvasionPoint:
    """The adaptive attack at one Linf budget, at the bundle's threshold.

    Attributes:
        budget: in pixels of [0, 1].
        wrong: share of images for which a wrong answer was found. Only classes on which the detector gives verdicts
            count.
        evaded: share of images for which a wrong answer was found that is not flagged.
        flagged: share of the images with a wrong answer whose every attempt is flagged.
        gradients, queries: share that evades by the ways that use gradients alone, and by the search without gradients
            alone, at this budget alone. ``evaded`` counts the best of both and of smaller budgets.
        steps: pairs of a number of steps of each way and the share ``gradients`` after it, ascending.
    """

    budget: float
    wrong: Estimate
    evaded: Estimate
    flagged: Estimate
    gradients: float = float("nan")
    queries: float = float("nan")
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
        Sign("queries are never better than gradients", _most([p.queries - p.gradients for p in measured])),
        Sign("the last third of the steps finds nothing more", _most([_still_rising(p) for p in measured])),
        Sign("the largest budget evades on every image", _most([1 - measured[-1].evaded.value])),
    ]


def _most(failures: Sequence[float]) -> float:
    return max((0.0, *(failure for failure in failures if isfinite(failure))))


def _still_rising(point: EvasionPoint) -> float:
    """Return how much larger a share evades after all steps than after two thirds of them."""
    earlier = [share for steps, share in point.steps if steps <= point.steps[-1][0] * 2 / 3]
    return point.gradients - earlier[-1] if earlier else 0.0
