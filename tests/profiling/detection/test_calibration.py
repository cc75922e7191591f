"""The threshold keeps its promise on exchangeable scores, and refuses one that it cannot keep."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.detection.calibration import Calibration, calibrate
from pathprint.profiling.errors import CalibrationError


@given(st.integers(19, 120), st.sampled_from([0.05, 0.1, 0.2]), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_at_most_the_promised_share_of_calibration_and_new_scores_exceeds(n: int, target: float, seed: int) -> None:
    # The rank of a new score among n + 1 exchangeable ones is uniform: count the ranks that exceed.
    scores = np.random.default_rng(seed).normal(size=n + 1)
    flagged = [scores[i] > calibrate(np.delete(scores, i), target).threshold for i in range(n + 1)]
    assert np.mean(flagged) <= target
    assert np.mean(flagged) > target - 1 / (n + 1)


def test_interval_encloses_the_achieved_rate_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        found = calibrate(generator.uniform(size=200), 0.05)
        inside += found.interval[0] <= 1 - found.threshold <= found.interval[1]
    assert 0.92 <= inside / 400 <= 0.98


def test_uncertain_band_encloses_the_threshold() -> None:
    found = calibrate(np.random.default_rng(0).normal(size=500), 0.05)
    assert found.uncertain[0] < found.threshold < found.uncertain[1]
    assert Calibration.from_dict(found.to_dict()) == found


def test_too_few_images_are_refused_with_the_number_it_takes() -> None:
    with pytest.raises(CalibrationError, match=r"18 clean images cannot promise .* 0\.05; at least 19 are needed"):
        calibrate(np.zeros(18), 0.05)
    calibrate(np.arange(19.0), 0.05)


@pytest.mark.parametrize("target", [0, 1, -0.1])
def test_senseless_targets_are_refused(target: float) -> None:
    with pytest.raises(CalibrationError, match="must lie between 0 and 1"):
        calibrate(np.arange(100.0), target)


@pytest.mark.parametrize("at_least", [-9.0, 0.93, 0.95, 0.97, 0.999, 2.0])
def test_a_least_threshold_flags_no_more_and_says_what_it_flags(at_least: float) -> None:
    scores = np.random.default_rng(0).uniform(size=2000)
    free, held = calibrate(scores, 0.05), calibrate(scores, 0.05, at_least)
    assert held.threshold == max(free.threshold, at_least)
    assert held == free if at_least < free.uncertain[0] else held.uncertain[0] >= at_least
    assert held.interval[0] <= max(1 - held.threshold, 0) <= held.interval[1]
    assert Calibration.from_dict(held.to_dict()) == held
