"""The linear model of Qiu et al. 2019: containment of weights, suspicious if low for rank 1 or high for rank 2."""

from __future__ import annotations

import numpy as np

from pathprint.profiling.detection.classifiers.bounded import bounded_logistic
from pathprint.profiling.detection.classifiers.classifier import Classifier
from pathprint.profiling.detection.classifiers.examples import Examples, standardisation
from pathprint.profiling.detection.scores import LinearScore, Score, load_linear
from pathprint.profiling.features.table import Feature

_PENALTY = 2e-4


def fit(examples: Examples) -> Score:
    """Fit the model of Qiu et al. 2019, section 3.2, by logistic loss with fixed signs of the weights.

    The authors' code uses a hinge loss and leaves the signs free.
    """
    trends = np.array([_joint_trend(feature) for feature in examples.features], dtype=np.float64)
    used = np.flatnonzero(trends)
    mean, scale = standardisation(examples.values)
    rows = ((examples.values - mean) * scale)[:, used]
    sides = np.where(examples.adversarial == 1, 1.0, -1.0)
    found = bounded_logistic(rows, sides, examples.weights / len(rows), trends[used], _PENALTY)
    weights = np.zeros(len(trends))
    weights[used] = found[:-1]
    return LinearScore("joint-similarity", mean, scale, weights, float(found[-1]))


def _joint_trend(feature: Feature) -> int:
    return feature.trend if feature.measure == "containment" and feature.kind == "weights" else 0


CLASSIFIER = Classifier((fit,), load_linear("joint-similarity"), joined=False)
