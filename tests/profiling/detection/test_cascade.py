"""A stage may only accept: what is flagged has passed every limit, and nothing else about an image counts."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pathprint.profiling.arrays import Floats
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.calibration import calibrate
from pathprint.profiling.detection.cascade import Cascade, Stage
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.joined import ATTACKS, CLEAN, JoinedScore, ScaledScore
from pathprint.profiling.detection.scores import LinearScore
from pathprint.profiling.detection.together import AT_ONCE, TOLERANCE, examine_together, is_close
from tests.profiling.detection.alike import assert_alike
from tests.profiling.detection.staged import STAGES, staged

IMAGES = 24
KNOWN = (2, 3, 5)
limits = st.tuples(st.floats(-2, 2), st.floats(-2, 2))
seeds = st.integers(0, 2**32 - 1)


def first(known: int) -> JoinedScore:
    """Return two tests: the sum of the first features, and minus half of it."""
    zeros, ones = np.zeros(known), np.ones(known)
    tests = {ATTACKS: LinearScore("logistic", zeros, ones, ones, 0.0)}
    return JoinedScore(
        {test: ScaledScore(score) for test, score in tests.items()}
        | {CLEAN: ScaledScore(LinearScore("one-class", zeros, ones, -ones / 2, 0.0))}
    )


def cascade(accepted: tuple[float, float]) -> Cascade:
    views = ((), ("down",), ("up", "noisy"))
    made = zip(views, KNOWN, (*accepted, inf), strict=True)
    return Cascade(tuple(Stage(asked, known, first(known), limit) for asked, known, limit in made))


def values(seed: int, images: int = 50) -> Floats:
    return np.random.default_rng(seed).normal(size=(images, KNOWN[-1]))


@settings(max_examples=50, deadline=None)
@given(limits, seeds)
def test_images_end_where_they_are_accepted_first(accepted: tuple[float, float], seed: int) -> None:
    """Against the definition, one image after the other."""
    score, rows = cascade(accepted), values(seed)
    course = score.course_of(rows)
    for image, row in enumerate(rows):
        by_stage = [first(known).each(row[None, :known])[0] for known in KNOWN]
        passed = [max(by_test) > limit for by_test, limit in zip(by_stage, accepted, strict=False)]
        ended = 0 if not passed[0] else 1 if not passed[1] else 2
        assert course.ended[image] == ended
        np.testing.assert_array_equal(course.each[image], by_stage[ended])
        np.testing.assert_array_equal(course.values[image, : KNOWN[ended]], row[: KNOWN[ended]])
        assert np.isnan(course.values[image, KNOWN[ended] :]).all()


@settings(max_examples=20, deadline=None)
@given(limits, seeds, st.floats(0.02, 0.9))
def test_a_stage_only_accepts(accepted: tuple[float, float], seed: int, target: float) -> None:
    """Whatever share of clean images may be flagged, none is that ended before the last stage."""
    score, rows = cascade(accepted), values(seed)
    calibration = calibrate(score.total(values(seed + 1, 100)), target, score.highest_accepted)
    course = score.course_of(rows)
    flagged = course.each.max(axis=1) > calibration.threshold
    assert (course.ended[flagged] == 2).all()
    at_once = first(KNOWN[-1]).each(rows).max(axis=1) > calibration.threshold
    assert (flagged <= at_once).all()
    low, _ = calibration.uncertain
    assert low >= score.highest_accepted


@settings(max_examples=4, deadline=None)
@given(limits, seeds, st.sampled_from([0.05, 0.2, 0.5]))
def test_the_promise_holds_for_published_scores(accepted: tuple[float, float], seed: int, target: float) -> None:
    """Of exchangeable images, each as likely to be the new one, at most the promised share would be flagged."""
    score = cascade(accepted)
    drawn = score.total(values(seed, 40))
    flagged = [
        drawn[new] > calibrate(np.delete(drawn, new), target, score.highest_accepted).threshold for new in range(40)
    ]
    assert np.mean(flagged) <= target


@settings(max_examples=30, deadline=None)
@given(limits, seeds)
def test_order_and_company_change_no_course(accepted: tuple[float, float], seed: int) -> None:
    score, rows = cascade(accepted), values(seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    whole, mixed = score.course_of(rows), score.course_of(rows[order])
    np.testing.assert_array_equal(mixed.ended, whole.ended[order])
    np.testing.assert_array_equal(mixed.each, whole.each[order])
    single = [score.course_of(row[None]) for row in rows]
    np.testing.assert_array_equal([one.ended[0] for one in single], whole.ended)


def test_nobody_is_asked_about_images_that_ended() -> None:
    score, rows, asked = cascade((0.5, 0.5)), values(0), list[np.ndarray]()

    def look(stage: int, images: np.ndarray) -> Floats:
        asked.append(images)
        return rows[images, score.columns(stage)]

    course = score.course(len(rows), look)
    assert [len(images) for images in asked] == [np.sum(course.ended >= stage) for stage in range(3)]
    assert 0 < len(asked[2]) < len(asked[1]) < len(asked[0]) == len(rows)
    assert [score.inferences(stage) for stage in range(3)] == [2, 3, 5]


@pytest.mark.parametrize(
    ("stages", "rule"),
    [
        ([], "at least one stage"),
        ([(2, inf), (3, inf)], "only the last stage has no limit"),
        ([(2, 0.5)], "only the last stage has no limit"),
        ([(2, np.nan), (3, inf)], "only the last stage has no limit"),
        ([(3, 0.5), (2, inf)], "knows no less"),
    ],
)
def test_stages_that_do_not_fit_together_are_refused(stages: list[tuple[int, float]], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Cascade(tuple(Stage((), known, first(known), limit) for known, limit in stages))


@pytest.fixture(scope="module")
def images(bundle: Bundle, digits: Dataset) -> list[Tensor]:
    """Digits, most of them under noise, so that some end in each stage."""
    preprocessing = bundle.detector.network.preprocessing
    pixels = [preprocessing.pixels(digits.image(index)) for index in range(IMAGES)]
    noise = torch.rand(IMAGES, *pixels[0].shape, generator=torch.Generator().manual_seed(0))
    shares = [0.0, 0.3, 0.5, 0.6]
    return [one * (1 - shares[i % 4]) + noise[i] * shares[i % 4] for i, one in enumerate(pixels)]


@pytest.fixture(scope="module")
def detector(bundle: Bundle) -> Detector:
    return staged(bundle.detector)


def test_a_verdict_says_where_the_image_ended_and_what_it_cost(detector: Detector, images: list[Tensor]) -> None:
    verdicts = detector.examine(torch.stack(images))
    course = detector.score.course_of(detector.maker.make(torch.stack(images))[1].values)
    assert {verdict.stage for verdict in verdicts} == {1, 2, 3}
    for verdict, ended, by_test in zip(verdicts, course.ended, course.each, strict=True):
        assert verdict.stage == ended + 1
        assert verdict.score == pytest.approx(by_test.max(), abs=1e-4)
        assert verdict.inferences == 2 + sum(map(len, STAGES[: verdict.stage]))
        assert verdict.stage == 3 or not verdict.flagged
        assert len(verdict.passed) == verdict.stage - 1
        assert "passed" not in verdict.to_dict()
        assert verdict.to_dict()["stage"] == verdict.stage


def test_evidence_is_that_of_the_stage_and_adds_up(detector: Detector, images: list[Tensor]) -> None:
    for verdict in detector.examine(torch.stack(images)):
        added = sum(layer.contribution for layer in verdict.layers)
        assert verdict.usual_score + added == pytest.approx(verdict.score)
        assert all(np.isfinite(layer.value) for layer in verdict.layers)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, IMAGES - 1), min_size=1, max_size=AT_ONCE))
def test_company_changes_no_stage(detector: Detector, images: list[Tensor], chosen: list[int]) -> None:
    alone = [detector.examine(images[index][None])[0] for index in chosen]
    found = examine_together(detector, [images[index] for index in chosen])
    assert_alike(found, alone)
    assert [verdict.stage for verdict in found] == [verdict.stage for verdict in alone]


@pytest.mark.parametrize("away", [-0.9, -1e-9, 0.0, 0.9])
@pytest.mark.parametrize("stage", [0, 1])
def test_scores_near_a_limit_that_was_asked_are_close(
    detector: Detector, images: list[Tensor], stage: int, away: float
) -> None:
    """Also if the image went on from there: rounding might have ended it."""
    verdict = next(one for one in detector.examine(torch.stack(images)) if one.stage == 3)
    clear = [one - 1 for one in verdict.passed]
    far = replace(detector.calibration, threshold=verdict.score + 9, uncertain=(verdict.score + 8,) * 2)
    assert not is_close(staged(replace(detector, calibration=far), clear, verdict.score + 9), verdict)
    clear[stage] = verdict.passed[stage] - TOLERANCE * away
    assert is_close(staged(replace(detector, calibration=far), clear, verdict.score + 9), verdict)


def test_a_bundle_keeps_its_stages(bundle: Bundle, detector: Detector, images: list[Tensor], tmp_path: object) -> None:
    replace(bundle, detector=detector).save(f"{tmp_path}/bundle")
    again = load_bundle(f"{tmp_path}/bundle").detector
    assert (again.tier, again.views) == ("thorough", detector.views)
    assert [stage.limit for stage in again.score.stages] == [stage.limit for stage in detector.score.stages]
    assert again.examine(torch.stack(images)) == detector.examine(torch.stack(images))
