"""The one-class score: mean deviation of an image's features from those of clean images; no attack is needed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Arrays, Floats
from pathprint.profiling.detection.classifiers.classifier import Classifier
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.scores import columns, number, require, scalar
from pathprint.profiling.features.table import Feature

KIND = "one-class"
MOST = 30.0
_LEAST_DEVIATION = 0.1  # of a feature on clean images, as a share of its measure's mean deviation over all layers


@dataclass(frozen=True)
class DeviationScore:
    """Weighted sum of deviations from clean images.

    If a feature has a suspicious direction, only deviations in this direction count; if not, both directions count.
    A deviation of more than ``MOST`` standard deviations counts as ``MOST``, so that no single feature decides alone.

    Attributes:
        mean: over clean images, ``(f,)``.
        scale: 1 / standard deviation over clean images, 0 for features that never change, ``(f,)``.
        trends: the suspicious direction of each feature, -1, 0 or 1 (see ``Feature``), ``(f,)``.
        weights: of the features, ``(f,)``.
    """

    kind: str
    mean: Floats
    scale: Floats
    trends: Floats
    weights: Floats
    intercept: float = 0.0

    def contributions(self, values: Floats) -> Floats:
        away = (values - self.mean) * self.scale
        suspicious = np.where(self.trends == 0, np.abs(away), np.maximum(away * self.trends, 0))
        return np.minimum(suspicious, MOST) * self.weights

    def arrays(self) -> Arrays:
        parts = {"mean": self.mean, "scale": self.scale, "trends": self.trends, "weights": self.weights}
        return {**parts, "intercept": scalar(self.intercept)}


def one_class(features: tuple[Feature, ...], clean: Floats) -> DeviationScore:
    """Return the score that is the mean deviation from clean images; it is fitted without attacks.

    A feature's deviation is divided by its standard deviation over clean images. The divisor is at least a tenth of
    the mean standard deviation of the feature's measure over all layers, so that a feature that hardly ever changes
    does not outweigh all others. A measure that never changes in any layer is left out. All measures have equal
    weight, no matter in how many layers they are taken.

    Args:
        clean: feature values of clean images, ``(n, f)``.
    """
    deviation = clean.std(axis=0)
    unit = np.maximum(deviation, _LEAST_DEVIATION * _typical(features, deviation))
    scale = np.where(unit > 1e-9, 1 / np.maximum(unit, 1e-9), 0.0)
    trends = np.array([feature.trend for feature in features], dtype=np.float64)
    weights = shares(features)
    return DeviationScore(KIND, clean.mean(axis=0), scale, trends, weights / weights.sum())


def shares(features: tuple[Feature, ...]) -> Floats:
    """Return 1 / (number of layers in which the feature's measure is taken), ``(f,)``: each measure counts once."""
    measured = [_measured(feature) for feature in features]
    often = Counter(measured)
    return np.array([1 / often[one] for one in measured])


def _measured(feature: Feature) -> tuple[str, str, int]:
    return feature.measure, feature.kind, feature.rank


def _typical(features: tuple[Feature, ...], deviation: Floats) -> Floats:
    """Return for each feature the mean ``deviation`` of its measure over all layers, ``(f,)``."""
    _, group = np.unique([str(_measured(feature)) for feature in features], return_inverse=True)
    mean: Floats = np.bincount(group, deviation) / np.bincount(group)
    return mean[group]


def fit(examples: Examples) -> DeviationScore:
    """Return the score that is the mean deviation from the benign rows of ``examples``."""
    return one_class(examples.features, examples.benign)


def load(arrays: Arrays, features: int) -> DeviationScore:
    """Return the stored score; ``features`` is their number.

    Raises:
        KeyError: an array is missing.
        ValueError: an array is malformed.
    """
    mean, scale, trends, weights = columns(arrays, ("mean", "scale", "trends", "weights"), features)
    require(bool((scale >= 0).all() and (weights >= 0).all()), "scales and weights of deviations must not be negative")
    require(bool(np.isin(trends, (-1, 0, 1)).all()), "trends must be -1, 0 or 1")
    return DeviationScore(KIND, mean, scale, trends, weights, number(arrays, "intercept"))


CLASSIFIER = Classifier((fit,), load, needs_attacks=False)
