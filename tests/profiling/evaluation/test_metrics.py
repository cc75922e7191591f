"""Figures are their definitions; intervals resample images, not rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pathprint.profiling.detection.calibration import conformal_threshold
from pathprint.profiling.evaluation.metrics import Resampling, auc, weighted_areas


def test_figures_are_their_definitions() -> None:
    clean, adversarial = np.array([0.0, 1, 2, 3]), np.array([1.5, 2.5, 9])
    wins = np.mean([[a > c for c in clean] for a in adversarial])
    assert auc(clean, adversarial) == pytest.approx(wins)
    assert np.isnan(auc(clean, np.zeros(0)))
    assert conformal_threshold(np.arange(99.0), 0.05) == 94
    assert conformal_threshold(np.arange(10.0), 0.05) == np.inf


@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 10**6))
@settings(deadline=None)
def test_weighted_area_is_the_area_of_repeated_rows(clean: int, adversarial: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 6, clean).astype(float), generator.integers(2, 8, adversarial).astype(float)  # ties
    weights = generator.integers(0, 3, (4, clean)), generator.integers(0, 3, (4, adversarial))
    found = weighted_areas(*scores, *(w.astype(float) for w in weights))
    for row in range(4):
        repeated = [np.repeat(s, w[row]) for s, w in zip(scores, weights, strict=True)]
        if not all(map(len, repeated)):
            assert np.isnan(found[row])
            continue
        truth = np.repeat([0, 1], [len(part) for part in repeated])
        assert found[row] == pytest.approx(roc_auc_score(truth, np.concatenate(repeated)))


def test_intervals_enclose_the_figure_and_shrink_with_more_images() -> None:
    generator = np.random.default_rng(0)
    widths = []
    for n in (50, 500):
        clean, adversarial, images = generator.normal(size=n), generator.normal(1, size=n), np.arange(n)
        by_image = Resampling.over(images)
        for found in (by_image.area(clean, images, adversarial, images), by_image.share(adversarial > 0, images)):
            assert found.low <= found.value <= found.high
            assert found.images == n
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(100):
        flags = np.random.default_rng(seed).random(200) < 0.3
        found = Resampling(np.arange(200), seed).share(flags, np.arange(200))
        inside += found.low <= 0.3 <= found.high
    assert inside >= 88


def test_copies_of_an_image_do_not_narrow_the_interval() -> None:
    generator = np.random.default_rng(0)
    flags, images = generator.random(60) < 0.5, np.arange(60)
    once = Resampling.over(images).share(flags, images)
    copied = Resampling.over(images).share(np.repeat(flags, 9), np.repeat(images, 9))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


def test_nothing_gives_no_figure() -> None:
    images = np.arange(5)
    found = Resampling.over(images).share(np.zeros(0, bool), np.zeros(0, int))
    assert np.isnan([found.value, found.low, found.high]).all()
    none = np.zeros(0)
    assert np.isnan(Resampling.over(images).area(np.arange(5.0), images, none, np.zeros(0, int)).value)
    assert np.isnan(Resampling.over(np.zeros(0, int)).share(np.zeros(0, bool), np.zeros(0, int)).value)
