"""The search without gradients keeps to its budget and to the truth; signs of masking say what they mean."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from pathprint.profiling.attacks.adaptive.evade import Adaptive, course, evade
from pathprint.profiling.attacks.adaptive.queries import by_queries
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.evaluation import adaptive
from pathprint.profiling.evaluation.evasion import EvasionPoint, halfway, signs
from pathprint.profiling.evaluation.metrics import Estimate

Images = tuple[Tensor, Tensor]
LITTLE = partial(
    Adaptive, steps=12, weights=(0.0, 1.0), leads=(0.5,), matched=(None,), guides=1, looks=4, queries=6, descents=5
)


@pytest.fixture(scope="module")
def few(bundle: Bundle, digits_split: Split) -> Images:
    correct = correct_images(bundle.detector.network, digits_split.fit, 8)
    return correct.pixels, correct.labels


def test_a_search_finds_what_the_detector_confirms(bundle: Bundle, few: Images) -> None:
    pixels, labels = few
    found, again = (by_queries(bundle.detector, pixels, labels, 0.4, 40) for _ in range(2))
    assert torch.equal(found.pixels, again.pixels)
    assert found.wrong.any()
    assert (found.pixels - pixels)[found.wrong].abs().max() <= 0.4 + 0.5 / 255 + 1e-6
    for verdict, wrong, score, label in zip(
        bundle.detector.examine(found.pixels), found.wrong, found.scores, labels, strict=True
    ):
        if wrong:
            assert verdict.predicted != int(label)
            assert score == pytest.approx(verdict.score, abs=0.02)
        else:
            assert np.isinf(score)


def test_more_queries_find_more_and_none_find_nothing(bundle: Bundle, few: Images) -> None:
    none, *found = (by_queries(bundle.detector, *few, 0.4, queries) for queries in (0, 1, 40))
    assert not none.wrong.any()
    assert found[1].wrong.sum() > found[0].wrong.sum()


def test_a_course_ends_at_what_is_found_and_never_falls(bundle: Bundle, few: Images) -> None:
    attempt = LITTLE(0.2)
    by_steps = course(bundle.detector, *few, attempt)
    assert list(by_steps) == list(attempt.looked) == [4, 8, 12]
    scores = [found.scores for found in by_steps.values()]
    assert all((later <= earlier).all() for earlier, later in pairwise(scores))
    assert np.array_equal(scores[-1], evade(bundle.detector, *few, attempt).scores)


def test_what_it_costs_is_what_is_asked(bundle: Bundle, few: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    detector, attempt, extracted = bundle.detector, LITTLE(0.2), 0
    extract = type(detector.extractor).extract

    def counted(self: object, pixels: Tensor, *rest: object, **more: object) -> object:
        nonlocal extracted
        extracted += len(pixels)
        return extract(self, pixels, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(type(detector.extractor), "extract", counted)
    course(detector, *few, attempt)
    by_queries(detector, *few, 0.2, attempt.queries)
    descending = 2 * len(attempt.sharings) * attempt.descents
    assert extracted == len(few[0]) * (attempt.detections - descending)
    assert attempt.ways == (3, 1)
    assert attempt.gradients == 36 + len(attempt.sharings) * attempt.descents == 46
    told = adaptive.told(attempt, 2, 5)
    assert f"at most {attempt.detections} detections and 46 gradients of each of 2 images at each of 5 budgets" in told
    assert f"{attempt.detections * 10} detections in all" in told


def test_a_curve_counts_the_best_of_all(bundle: Bundle, digits_split: Split) -> None:
    clean = correct_images(bundle.detector.network, digits_split.test, 6)
    for point in adaptive.curve(bundle.detector, clean, 6, seed=0, effort=LITTLE):
        assert point.evaded.value >= point.gradients + point.added_by_queries + point.added_by_descent - 1e-9
        assert min(point.gradients, point.added_by_queries, point.added_by_descent) >= 0
        assert [steps for steps, _ in point.steps] == [4, 8, 12]
        assert point.steps[-1][1] == point.gradients


def point(evaded: float, gradients: float, queries: float, *steps: float) -> EvasionPoint:
    share = Estimate(evaded, 0, 1, 50)
    counted = tuple((10 * (number + 1), value) for number, value in enumerate(steps))
    return EvasionPoint(0.1, share, share, share, gradients, queries, steps=counted)


def test_sound_attacks_show_no_sign_of_masking() -> None:
    found = signs([point(0.5, 0.4, 0.0, 0.2, 0.4, 0.4), point(1, 0.9, 0.0, 0.8, 0.9, 0.9)])
    assert [sign.holds for sign in found] == [True] * 4
    share = Estimate(0, 0, 1, 9)
    assert signs([]) == signs([EvasionPoint(0.1, share, share, share)]) == []


@pytest.mark.parametrize(
    ("points", "number", "by"),
    [
        ([point(0.5, 0.5, 0.0, 0.5, 0.5, 0.5), point(1, 0.3, 0.0, 0.3, 0.3, 0.3)], 0, 0.2),
        ([point(0.5, 0.4, 0.1, 0.4, 0.4, 0.4), point(1, 1, 0.0, 1, 1, 1)], 1, 0.1),
        ([point(0.5, 0.4, 0.0, 0.1, 0.1, 0.4), point(1, 1, 0.0, 1, 1, 1)], 2, 0.3),
        ([point(0.5, 0.4, 0.0, 0.4, 0.4, 0.4), point(0.9, 0.9, 0.0, 0.9, 0.9, 0.9)], 3, 0.1),
    ],
    ids=["larger budget worse", "queries better", "still rising", "not all"],
)
def test_each_sign_is_seen_alone(points: list[EvasionPoint], number: int, by: float) -> None:
    found = signs(points)
    assert [sign.holds for sign in found] == [index != number for index in range(4)]
    assert found[number].worst == pytest.approx(by)


@pytest.mark.parametrize(
    ("shares", "half"),
    [((0.2, 0.6, 1.0), 0.175), ((0.8, 0.9, 1.0), 0.0625), ((0.1, 0.5, 0.5), 0.2), ((0.1, 0.2, 0.4), None)],
    ids=["between two", "before the first", "at one", "nowhere"],
)
def test_half_the_images_are_lost_between_the_budgets_that_were_tried(
    shares: tuple[float, ...], half: float | None
) -> None:
    points = [
        EvasionPoint(budget, Estimate(1, 0, 1, 9), Estimate(share, 0, 1, 9), Estimate(0, 0, 1, 9))
        for budget, share in zip((0.1, 0.2, 0.4), shares, strict=True)
    ]
    found = halfway(points)
    assert found.wrong == pytest.approx(0.05)
    assert np.isnan(found.evaded) if half is None else found.evaded == pytest.approx(half)
