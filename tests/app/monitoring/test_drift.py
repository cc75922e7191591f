"""Drift, against scipy's definitions and against what chance does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ks_2samp, kstwobign

from pathprint.app.monitoring.drift import Drift, Reference, Window, ks_by_chance, ks_distance, wilson
from pathprint.app.monitoring.windows import Windows
from pathprint.profiling.detection.calibration import calibrate
from tests.app.monitoring.decided import decision

SCORES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=40)


@settings(deadline=None)
@given(SCORES, SCORES)
def test_the_distance_is_that_of_kolmogorov_and_smirnov(found: list[float], usual: list[float]) -> None:
    expected = ks_2samp(found, usual, method="asymp").statistic
    assert ks_distance(np.array(found), np.sort(usual)) == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(1, 3000), st.floats(0, 1))
def test_the_interval_is_wilsons(trials: int, share: float) -> None:
    hits = round(share * trials)
    expected = binomtest(hits, trials).proportion_ci(0.95, "wilson")
    assert wilson(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_the_distance_by_chance_is_the_quantile_of_the_limiting_distribution() -> None:
    n, m = 1000, 400
    assert ks_by_chance(n, m) == pytest.approx(kstwobign.isf(0.001) * np.sqrt((n + m) / (n * m)), rel=1e-4)


def reference(images: int = 1000) -> Reference:
    clean = np.sort(np.random.default_rng(0).normal(-2, 1, images))
    return Reference(calibrate(clean, 0.05), clean)


def drift_of(scores: Any, size: int = 1000, fewest: int = 200) -> Drift:
    window = Window(reference(), size, fewest)
    for score in scores:
        window.add(decision(score=float(score)))
    return window.drift()


@pytest.mark.slow
def test_clean_images_seldom_drift() -> None:
    draws = [np.random.default_rng(seed).normal(-2, 1, 1000) for seed in range(1, 101)]
    found = [drift_of(draw) for draw in draws]
    assert sum(one.state == "drifted" for one in found) <= 5
    assert sum(one.scores_drifted for one in found) <= 1


@pytest.mark.parametrize(
    ("shift", "attacked", "rate", "scores"),
    [(0.5, 0, True, True), (-0.6, 0, True, True), (0, 0.2, True, True), (0, 0.05, True, False)],
    ids=["harder", "easier", "attack", "few attacks"],
)
def test_what_differs_is_seen_and_told_apart(shift: float, attacked: float, rate: bool, scores: bool) -> None:
    chance = np.random.default_rng(7)
    drawn = np.where(chance.random(1000) < attacked, 4, chance.normal(-2 + shift, 1, 1000))
    found = drift_of(drawn)
    assert (found.rate_drifted, found.scores_drifted, found.state) == (rate, scores, "drifted")


def test_few_images_say_nothing_and_no_image_is_no_error() -> None:
    assert drift_of([9] * 199).state == "too_few"
    assert drift_of([9] * 200).state == "drifted"
    empty = drift_of([])
    assert (empty.state, empty.images, empty.since, empty.interval) == ("too_few", 0, None, (0.0, 1.0))


@settings(deadline=None)
@given(st.integers(0, 25))
def test_a_window_holds_the_latest_images(seen: int) -> None:
    window = Window(reference(), 10, 1)
    start = decision().time
    for i in range(seen):
        window.add(decision(score=9.0 if i < seen - 10 else -9.0, time=start + timedelta(seconds=i)))
    found = window.drift()
    assert found.images == min(seen, 10)
    assert found.flagged == 0
    if seen:
        assert found.since == start + timedelta(seconds=max(0, seen - 10))
        assert found.until == start + timedelta(seconds=seen - 1)


def test_each_version_has_its_own_window_and_old_ones_go() -> None:
    windows = Windows(lambda decision: reference(100), 10, 10)
    for number in range(50):
        windows.decided(decision(version=str(number)))
    assert windows.drift("digits-cnn", "49", decision().bundle_sha256) is not None
    assert windows.drift("digits-cnn", "0", decision().bundle_sha256) is None
    assert sum(len(family.samples) for family in windows.collect() if family.name == "pathprint_drift_images") == 32


def test_a_bundle_that_went_meanwhile_is_passed_over() -> None:
    windows = Windows(lambda decision: None, 10, 10)
    windows.decided(decision())
    assert windows.drift("digits-cnn", decision().version, decision().bundle_sha256) is None


def test_a_bundle_that_replaces_another_under_its_version_begins_anew() -> None:
    references = {"old": reference(100), "new": reference(200)}
    windows = Windows(lambda decision: references[decision.bundle_sha256], 10, 1)
    for bundle in ("old", "old", "new"):
        windows.decided(decision(bundle_sha256=bundle))
    found = windows.drift("digits-cnn", decision().version, "new")
    assert found is not None
    assert (found.images, found.by_chance) == (1, ks_by_chance(1, 200))
    assert windows.drift("digits-cnn", decision().version, "old") is None
    (images,) = [family for family in windows.collect() if family.name == "pathprint_drift_images"]
    assert [sample.value for sample in images.samples] == [1]
