"""The verdict on an image is its own: whatever is examined beside it, and however near its score is to a threshold."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Detector, Verdict
from pathprint.profiling.detection.together import AT_ONCE, TOLERANCE, examine_together, is_close
from tests.profiling.detection.alike import assert_alike

_IMAGES = 24


@pytest.fixture(scope="module")
def images(bundle: Bundle, digits: Dataset) -> list[Tensor]:
    """Digits, some of them changed, so that scores are high and low."""
    preprocessing = bundle.detector.network.preprocessing
    pixels = [preprocessing.pixels(digits.image(index)) for index in range(_IMAGES)]
    noise = torch.rand(pixels[0].shape, generator=torch.Generator().manual_seed(0))
    return [one if index % 3 else (one * 0.6 + noise * 0.4) for index, one in enumerate(pixels)]


@pytest.fixture(scope="module")
def alone(bundle: Bundle, images: list[Tensor]) -> list[Verdict]:
    return [bundle.detector.examine(one[None])[0] for one in images]


def with_line(detector: Detector, line: float) -> Detector:
    """Return the detector with a threshold, and nothing uncertain around it."""
    return replace(detector, calibration=replace(detector.calibration, threshold=line, uncertain=(line, line)))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, _IMAGES - 1), min_size=1, max_size=AT_ONCE))
def test_company_changes_no_decision(
    bundle: Bundle, images: list[Tensor], alone: list[Verdict], chosen: list[int]
) -> None:
    found = examine_together(bundle.detector, [images[index] for index in chosen])
    assert_alike(found, [alone[index] for index in chosen])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, _IMAGES - 1), st.sampled_from([-1e-9, 0.0, 1e-9, TOLERANCE / 2, -TOLERANCE / 2]))
def test_a_threshold_beside_a_score_decides_as_it_does_alone(
    bundle: Bundle, images: list[Tensor], alone: list[Verdict], index: int, beside: float
) -> None:
    close = with_line(bundle.detector, alone[index].score + beside)
    found = examine_together(close, images[:AT_ONCE])
    expected = [score > close.calibration.threshold for score in (verdict.score for verdict in alone[:AT_ONCE])]
    assert [verdict.flagged for verdict in found] == expected


@pytest.mark.parametrize("away", [0.0, TOLERANCE * 0.9, -TOLERANCE * 0.9])
@pytest.mark.parametrize("line", ["threshold", "low", "high"])
def test_scores_near_any_line_are_close(bundle: Bundle, alone: list[Verdict], away: float, line: str) -> None:
    calibration, score = bundle.detector.calibration, alone[0].score
    lines = {"threshold": score + 9, "low": score + 8, "high": score + 10} | {line: score + away}
    moved = replace(calibration, threshold=lines["threshold"], uncertain=(lines["low"], lines["high"]))
    assert is_close(replace(bundle.detector, calibration=moved), alone[0])
    moved = replace(calibration, threshold=score + 1, uncertain=(score - 1, score + 1))
    assert not is_close(replace(bundle.detector, calibration=moved), alone[0])


def test_no_images_have_no_verdicts(bundle: Bundle) -> None:
    assert examine_together(bundle.detector, []) == []
