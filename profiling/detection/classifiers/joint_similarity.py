"""The linear model of Qiu et al. 2019: containment of weights, suspicious if low for rank 1 or high for rank 2."""

from __future__ import annotations

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.classifiers.classifier import Classifier
from pathprint.profiling.detection.classifiers.examples import Examples, standardisation
from pathprint.profiling.detection.scores import LinearScore, Score, load_linear
from pathprint.profiling.features.table import Feature


def fit(examples: Examples) -> Score:
    """Fit the model of Qiu et al. 2019, section 3.2, by logistic loss with fixed signs of the weights.

    The authors' code uses a hinge loss and leaves the signs free.
    """
    from scipy.optimize import minimize

    trends = np.array([_joint_trend(feature) for feature in examples.features], dtype=np.float64)
    used = np.flatnonzero(trends)
    mean, scale = standardisation(examples.values)
    rows = ((examples.values - mean) * scale * trends)[:, used]
    sign = np.where(examples.adversarial == 1, 1.0, -1.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        margin = sign * (rows @ point[:-1] + point[-1])
        slope = -sign * examples.weights / (1 + np.exp(np.clip(margin, -500, 500)))
        value = float(examples.weights @ np.logaddexp(0, -margin)) / len(rows) + 1e-4 * float(point[:-1] @ point[:-1])
        gradient = np.append(rows.T @ slope, slope.sum()) / len(rows) + np.append(2e-4 * point[:-1], 0)
        return value, gradient

    bounds = [(0, None)] * len(used) + [(None, None)]
    found = minimize(loss, np.zeros(len(used) + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = np.zeros(len(trends))
    weights[used] = found[:-1] * trends[used]
    return LinearScore("joint-similarity", mean, scale, weights, float(found[-1]))


def _joint_trend(feature: Feature) -> int:
    return feature.trend if feature.measure == "containment" and feature.kind == "weights" else 0


CLASSIFIER = Classifier(fit, load=load_linear("joint-similarity"), guarded=False)
