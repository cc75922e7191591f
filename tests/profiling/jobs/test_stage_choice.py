"""Stages are chosen on fit images: limits lose few attacks, costs keep to the budget, and the best plan is taken."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.classifiers.fitting import Fitted
from pathprint.profiling.detection.fitted_on import Fitting
from pathprint.profiling.detection.joined import JoinedScore
from pathprint.profiling.errors import FitError, OptionsError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.tiers import Tier, tier_for
from pathprint.profiling.features.views import VIEWS
from pathprint.profiling.jobs.fit import FitOptions, fit_detector
from pathprint.profiling.jobs.fit_inputs import Sizes
from pathprint.profiling.jobs.stage_choice import (
    PLANS,
    SIZES,
    Plan,
    Prospect,
    _least_lost,
    best_plan,
    published,
    stopped,
)
from pathprint.profiling.jobs.view_choice import CLEAN, Comparison
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.signatures.counts import ClassSignatures

SOURCES = 300
KINDS = np.repeat([CLEAN, -1, 0, 1], SOURCES)
VIEW_NAMES = tuple(VIEWS)


@dataclass(frozen=True)
class Named:
    """Of an attack, what a plan reads."""

    name: str
    family: str


@cache
def plan(sizes: tuple[int, ...], seed: int) -> Plan:
    """Return stages whose scores tell two families of attacks from clean images, later ones better."""
    chance = np.random.default_rng(seed)
    truth = (KINDS >= 0).astype(np.int64)
    examples = Examples((), np.zeros((len(KINDS), 0)), truth, np.tile(np.arange(SOURCES), 4))
    rows = Comparison(examples, KINDS, (Named("x-1", "x"), Named("y-1", "y")))  # type: ignore[arg-type]

    def drawn(size: int, weaker: float) -> Floats:
        found: Floats = chance.normal(size=len(KINDS)) + truth * (1 + np.sqrt(size)) * weaker
        return found

    made = [
        Prospect(VIEW_NAMES[:s], s, Fitted(JoinedScore({}), {}, drawn(s, 1)), {f: drawn(s, 0.8) for f in "xy"})
        for s in sizes
    ]
    return Plan(rows, made)


sizes = st.sampled_from([found for found in PLANS if len(found) > 1])


@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(0, 9), st.sampled_from([0.005, 0.01, 0.05]))
def test_limits_accept_as_much_as_they_may(stages: tuple[int, ...], seed: int, lost: float) -> None:
    """No more than the allowed share of known and of unseen attacks, and the next attacked image would be too many."""
    made = plan(stages, seed)
    limits = made.limits(lost)
    assert limits[-1] == inf
    attacked, own = KINDS >= 0, {"x": KINDS == 0, "y": KINDS == 1}
    for stage, limit in zip(made.stages, limits[:-1], strict=False):
        known = stage.fitted.held_out[attacked]
        unseen = np.concatenate([stage.unseen[name][rows] for name, rows in own.items()])
        assert all((scores <= limit).mean() <= lost for scores in (known, unseen))
        assert any((scores <= np.nextafter(limit, inf)).mean() > lost for scores in (known, unseen))


@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(0, 9), st.floats(2.05, 9))
def test_no_more_is_lost_than_a_budget_asks_for(stages: tuple[int, ...], seed: int, budget: float) -> None:
    made = plan(stages, seed)
    share = _least_lost(made, budget)
    if share is None:
        assert made.cost(made.limits(0.05)) > budget
        return
    assert made.cost(made.limits(share)) <= budget
    assert share == 0.005 or made.cost(made.limits(share - 0.001)) > budget


@settings(max_examples=20, deadline=None)
@given(sizes, st.integers(0, 9))
def test_costs_are_counted_image_by_image(stages: tuple[int, ...], seed: int) -> None:
    made = plan(stages, seed)
    limits, costs = made.limits(0.01), []
    for row in np.flatnonzero(KINDS == CLEAN):
        for stage, limit in zip(made.stages, limits, strict=True):
            if stage.fitted.held_out[row] <= limit:
                break
        costs.append(2 + len(stage.views))
    assert made.cost(limits) == pytest.approx(np.mean(costs))
    reached = made.reached(limits)
    assert reached[0] == 1
    assert sorted(reached, reverse=True) == reached


def test_an_image_gets_the_score_of_the_stage_that_it_ends_in() -> None:
    scores = np.array([[0.0, 9, 8], [1, 0, 8], [1, 1, -7], [0.5, 9, 9]])
    limits = [0.5, 0.5, inf]
    assert stopped(scores, limits).tolist() == [0, 1, 2, 0]
    assert published(scores, limits).tolist() == [0, 0, -7, 0.5]


def test_plans_are_all_ways_to_spread_views_that_are_no_other_tier() -> None:
    assert len(set(PLANS)) == len(PLANS) == 2 ** len(SIZES) - 3
    assert (0,) not in PLANS
    assert (1,) not in PLANS
    assert all(list(found) == sorted(set(found)) for found in PLANS)


@pytest.mark.parametrize(
    ("tier", "budget", "said"),
    [
        ("fast", 3.0, "give a budget to the thorough tier only"),
        ("standard", 3.0, "give a budget to the thorough tier only"),
        ("thorough", 2.0, "the budget is 2 inferences; it must be more than 2"),
        (None, -1.0, "it must be more than 2"),
        (None, float("nan"), "it must be more than 2"),
        (None, inf, "it must be more than 2"),
        ("quick", None, "there is no tier 'quick'"),
    ],
)
def test_budgets_that_no_detector_keeps_are_refused(tier: Tier | None, budget: float | None, said: str) -> None:
    with pytest.raises(OptionsError, match=said):
        tier_for(tier, budget)


def test_a_budget_asks_for_the_thorough_tier() -> None:
    assert [tier_for(None, None), tier_for(None, 3.0), tier_for("thorough", 3.0)] == [
        "standard",
        "thorough",
        "thorough",
    ]
    with pytest.raises(OptionsError, match="learns from no attack"):
        FitOptions("one-class", budget=3.0)


@pytest.mark.slow
def test_a_fitted_cascade_keeps_to_its_budget(
    extractor: Extractor, signatures: ClassSignatures, digits_split: Split
) -> None:
    attacks = chosen(extractor.network, ["fgsm-0.2", "pgd-0.2"])
    maker = FeatureMaker(extractor, signatures)
    options = FitOptions("joint-similarity", budget=2.6, sizes=Sizes(40, 60))
    detector = fit_detector(maker, digits_split, attacks, options)
    choice = detector.fitting.stage_choice
    assert choice is not None
    assert (detector.tier, choice.budget) == ("thorough", 2.6)
    assert choice.cost <= 2.6
    assert choice.reached[0] == 1
    assert Fitting.from_dict(detector.fitting.to_dict()) == detector.fitting
    assert f"{choice.cost:.2f} inferences on average" in choice.reason


def test_a_budget_that_cannot_be_kept_is_refused_with_the_least_that_can() -> None:
    plans = [plan(stages, 0) for stages in ((0, 2), (1, 2))]
    least = min(made.cost(made.limits(0.05)) for made in plans)
    with pytest.raises(FitError, match=r"no cascade costs 2\.1 inferences on average; the least") as refused:
        best_plan(plans, 2.1)
    said = float(str(refused.value).split()[-1].rstrip("."))
    assert least <= said < least + 0.01
    found, _ = best_plan(plans, said)
    assert found.cost(found.limits(0.05)) <= said
