"""Mahalanobis distances per layer, combined by logistic regression (Lee et al. 2018).

The paper's input noise is left out, because its size is tuned on the attack that is to be detected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.evaluation.baselines.logistic import joined
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, Observation


@dataclass(frozen=True)
class Gaussians:
    """One normal distribution per class, with a common covariance (Lee et al. 2018, section 2.1).

    Attributes:
        means: of the classes, ``(k, c)``.
        precision: pseudo-inverse of the covariance, ``(c, c)``.
    """

    means: Floats
    precision: Floats

    @staticmethod
    def of(values: Floats, labels: Indices) -> Gaussians:
        """Return the distributions of values ``(n, c)``; classes without images are left out."""
        classes, rows = np.unique(labels, return_inverse=True)
        means = np.stack([values[rows == row].mean(axis=0) for row in range(len(classes))])
        centred = values - means[rows]
        return Gaussians(means, np.linalg.pinv(centred.T @ centred / len(values), hermitian=True))

    def distance(self, values: Floats) -> Floats:
        """Return the squared Mahalanobis distance of values ``(n, c)`` to the nearest class, ``(n,)``."""
        away = values[:, None] - self.means
        distances: Floats = np.einsum("nkc,cd,nkd->nk", away, self.precision, away, optimize=True)
        nearest: Floats = distances.min(axis=1)
        return nearest


def mahalanobis(lessons: Lessons) -> Baseline:
    """Return the fitted detector, with one distance per layer.

    Raises:
        FitError: there are no attacked images to fit on.
    """
    fitted = [Gaussians.of(values, lessons.labels) for values in lessons.profiled.layers]

    def distances(seen: Observation) -> Floats:
        layers = zip(fitted, seen.layers, strict=True)
        return np.stack([gaussians.distance(values) for gaussians, values in layers], axis=1)

    return joined(distances, lessons)
