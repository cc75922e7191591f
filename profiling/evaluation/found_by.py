"""Which of the detector's tests flags which kinds of images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.evaluation.trial import PerPart, Trial

CLEAN = "clean images"
Shares = Mapping[str, float]
"""Share of the images of one kind that a test flags, by the name of the test."""


def found_by(detector: Detector, kinds: Mapping[str, Floats]) -> dict[str, Shares]:
    """Return the shares by kind of images, whose features are given.

    An image counts for the test with the larger score, so all shares of a kind add up to its share of flagged images.
    """
    return {name: _shares(detector, values) for name, values in kinds.items()}


def by_kind(trial: Trial, measured: PerPart[Floats]) -> dict[str, Floats]:
    """Return the features of clean images, of successes of each attack, and of kept images of each benign change.

    Args:
        measured: features of each part of the trial.
    """
    kinds = {CLEAN: measured.clean}
    kinds |= {name: measured.attacks[name][made.success.cpu().numpy()] for name, made in trial.crafted.items()}
    kinds |= {name: measured.controls[name][made.kept.cpu().numpy()] for name, made in trial.controlled.items()}
    return {name: values for name, values in kinds.items() if len(values)}


def _shares(detector: Detector, values: Floats) -> Shares:
    scores = detector.score.each(values)
    flagged = scores.max(axis=1) > detector.calibration.threshold
    found = np.where(flagged, scores.argmax(axis=1), -1)
    return {test: float((found == i).mean()) for i, test in enumerate(detector.score.names)}
