"""Choose the stages of a cascade on fit images alone: the views of each, and the limits up to which it accepts.

A limit may accept few of the attacked images that succeed, also of attacks whose family was left out of fitting. Of all
ways to spread the views over stages that cost no more than is allowed, the one that tells most attacked images from
clean ones is taken. Costs are counted in inferences, not timed, so that one seed gives one bundle on every machine.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import ceil, inf

import numpy as np

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.detection.cascade import Cascade, Stage
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.classifiers.fitting import Fitted, fitted, fitted_alike, held_out_of
from pathprint.profiling.detection.fitted_on import StageChoice
from pathprint.profiling.errors import FitError
from pathprint.profiling.features.tiers import FIRST_LOOK
from pathprint.profiling.features.views import VIEWS, view_of
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.view_choice import CLEAN, Comparison, Order, figures_of, merit

SIZES = (0, 1, 2, 4, len(VIEWS))
"""Numbers of views that may be known by the end of a stage."""
PLANS = tuple(
    sizes
    for stages in range(1, len(SIZES) + 1)
    for sizes in combinations(SIZES, stages)
    if stages > 1 or sizes[0] > 1  # one stage with fewer views is another tier
)
"""Ways to spread views over stages: how many are known by the end of each."""
_LOST = range(5, 51)
"""Thousandths of the successful attacks that a limit may accept; the first that makes a plan cheap enough is taken."""


@dataclass(frozen=True)
class Prospect:
    """A score of what is known at a stage, and what it gives fit images that it has not seen.

    Attributes:
        views: those of this stage and of all before it.
        known: number of features.
        unseen: by family of attacks, the score of each row by fits without its source image and without the family.
    """

    views: tuple[str, ...]
    known: int
    fitted: Fitted
    unseen: Mapping[str, Floats]


@dataclass(frozen=True)
class Plan:
    """Stages that fit images are sent through.

    Attributes:
        rows: what the rows of all scores are.
        stages: one for each stage.
    """

    rows: Comparison
    stages: Sequence[Prospect]

    @cached_property
    def _known(self) -> Floats:
        """Scores of each row at each stage, ``(n, stages)``."""
        return np.stack([stage.fitted.held_out for stage in self.stages], axis=1)

    @cached_property
    def _unseen(self) -> dict[str, Floats]:
        """What ``_known`` is, without a family, by its name."""
        return {name: np.stack([stage.unseen[name] for stage in self.stages], axis=1) for name in self.rows.families}

    @cached_property
    def _attacked(self) -> Sequence[Floats]:
        """Scores of successful attacks at each stage, ascending: of attacks that were known, and of unseen families."""
        known = self._known[self.rows.kinds >= 0]
        families = self.rows.families.items()
        unseen = [self._unseen[name][np.isin(self.rows.kinds, own)] for name, own in families]
        return [np.sort(found, axis=0) for found in (known, *([np.concatenate(unseen)] if unseen else []))]

    def limits(self, lost: float) -> list[float]:
        """Return the highest limits of acceptance that each accept at most a share ``lost`` of successful attacks."""
        lowest = np.min([scores[int(lost * len(scores))] for scores in self._attacked], axis=0)
        return [*np.nextafter(lowest[:-1], -inf).tolist(), inf]

    def reached(self, limits: Sequence[float]) -> list[float]:
        """Return the share of the clean images that reach each stage."""
        ended = stopped(self._known[self.rows.kinds == CLEAN], limits)
        return [float((ended >= number).mean()) for number in range(len(limits))]

    def cost(self, limits: Sequence[float]) -> float:
        """Return what a clean image costs on average, counted in inferences."""
        views = np.diff([len(stage.views) for stage in self.stages], prepend=0)
        return float(FIRST_LOOK + views @ np.array(self.reached(limits)))

    def figures(self, limits: Sequence[float]) -> dict[str, float]:
        """Return the mean AUC over attacks that were known, and over those of unseen families."""
        return figures_of(*self.areas(limits))

    def areas(self, limits: Sequence[float]) -> tuple[list[float], list[float]]:
        """Return the AUC of the published score for each attack: of those that were known, and of unseen families."""
        unseen = {name: published(found, limits) for name, found in self._unseen.items()}
        return self.rows.areas_of(published(self._known, limits), unseen)

    def cascade(self, limits: Sequence[float]) -> Cascade:
        """Return the stages as a score."""
        before = [0, *(len(stage.views) for stage in self.stages)]
        made = zip(self.stages, before, limits, strict=False)
        return Cascade(tuple(Stage(one.views[at:], one.known, one.fitted.score, limit) for one, at, limit in made))


def stopped(scores: Floats, limits: Sequence[float]) -> Indices:
    """Return the stage, from 0, in which each image ends, given its score at every stage, ``(n, stages)``."""
    going: Indices = np.cumprod(scores[:, :-1] > limits[:-1], axis=1).sum(axis=1)
    return going


def published(scores: Floats, limits: Sequence[float]) -> Floats:
    """Return the score of the stage in which each image ends, ``(n,)``."""
    found: Floats = scores[np.arange(len(scores)), stopped(scores, limits)]
    return found


def choose_stages(classifier: str, data: FitData, order: Order, budget: float) -> tuple[Cascade, StageChoice]:
    """Return the stages that tell most, and why they were chosen.

    Args:
        data: its features end with those of all views, in this order.
        order: what ``view_choice.in_order`` returned.
        budget: the most that a clean image may cost on average, counted in inferences.

    Raises:
        FitError: there are too few images to fit on, no attack succeeded, or ``budget`` is less than fit images allow;
            the message says what they allow.
    """
    plan, lost = best_plan(all_plans(classifier, data), budget)
    limits = plan.limits(lost)
    choice = StageChoice(order, budget, lost, plan.cost(limits), tuple(plan.reached(limits)), plan.figures(limits))
    return plan.cascade(limits), choice


def all_plans(classifier: str, data: FitData) -> list[Plan]:
    """Return every way to spread the views over stages; ``data`` has their features last.

    Raises:
        FitError: there are too few images to fit on, or no attack succeeded.
    """
    rows = Comparison.of(data)
    prospects = dict(zip(SIZES, _prospects(classifier, rows, SIZES), strict=True))
    return [Plan(rows, [prospects[size] for size in sizes]) for sizes in PLANS]


def best_plan(plans: Sequence[Plan], budget: float) -> tuple[Plan, float]:
    """Return the plan that tells most within a budget, and the share of attacks that each of its limits may accept.

    Raises:
        FitError: no plan keeps to the budget; the message says what would be the least.
    """
    found = [(plan, lost) for plan in plans if (lost := _least_lost(plan, budget)) is not None]
    if not found:
        least = min(plan.cost(plan.limits(_LOST[-1] / 1000)) for plan in plans)
        raise FitError(
            f"no cascade costs {budget:g} inferences on average; the least that these fit images allow is "
            f"{ceil(least * 100) / 100:g}."
        )
    return max(found, key=lambda one: merit(one[0].figures(one[0].limits(one[1]))))


def _least_lost(plan: Plan, budget: float) -> float | None:
    """Return the smallest share of attacks that limits have to accept to keep to a budget; None if none does."""
    at = bisect_left(_LOST, True, key=lambda lost: plan.cost(plan.limits(lost / 1000)) <= budget)
    return _LOST[at] / 1000 if at < len(_LOST) else None


def refitted(classifier: str, data: FitData, attacks: Sequence[Attack], like: Cascade, lost: float) -> Cascade:
    """Return a cascade whose stages ask about what those of ``like`` do, fitted on some attacks only.

    Args:
        lost: the share of successful attacks that a limit may accept.

    Raises:
        FitError: there are too few images to fit on, or no attack succeeded.
    """
    rows = Comparison.of(data, attacks)
    sizes = np.cumsum([len(stage.views) for stage in like.stages]).tolist()
    plan = Plan(rows, list(_prospects(classifier, rows, sizes)))
    return plan.cascade(plan.limits(lost))


def _prospects(classifier: str, rows: Comparison, sizes: Sequence[int]) -> Iterator[Prospect]:
    """Yield what is to be expected of the first views, as many as each of ``sizes`` says.

    The classifier is chosen where all are known, so that all stages have one kind of score.
    """
    views = [view for view in map(view_of, rows.examples.features) if view]
    alone = len(rows.examples.features) - len(views)
    best = fitted(classifier, _first(rows.examples, alone + sizes[-1]))
    for size in sizes:
        examples = _first(rows.examples, alone + size)
        of_size = best if size == sizes[-1] else fitted_alike(best.fitters, examples)
        unseen = {
            name: held_out_of(of_size, examples, ~np.isin(rows.kinds, own)) for name, own in rows.families.items()
        }
        yield Prospect(tuple(views[:size]), alone + size, of_size, unseen)


def _first(examples: Examples, known: int) -> Examples:
    """Return the examples with their first features only."""
    return Examples(examples.features[:known], examples.values[:, :known], examples.adversarial, examples.sources)
