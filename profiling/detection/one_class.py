"""How far features are from those of benign images: the one-class score, and a guard for scores fitted on attacks.

A classifier that was fitted on attacks knows nothing of images unlike both these attacks and clean images. The guard
makes them suspicious, whatever the classifier learnt.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.scores import ONE_CLASS, DeviationScore, GuardedScore, Score, total
from pathprint.profiling.features.table import Feature

_LEAST_DEVIATION = 0.1  # of a feature on clean images, as a share of its measure's mean deviation over all layers
_GUARDED_FROM = 0.99
_STEEPNESS = 3.0


def one_class(features: tuple[Feature, ...], clean: Floats) -> DeviationScore:
    """Return the score that is the mean deviation from clean images ``(n, f)``; it needs no attack and prefers none.

    A feature's deviation counts in units of its standard deviation over clean images. The unit is at least a tenth of
    the mean standard deviation of the feature's measure over all layers, so that a feature that hardly ever changes
    does not outweigh all others. What never changes in any layer is left out. All measures have equal weight, in
    however many layers they are taken.
    """
    deviation = clean.std(axis=0)
    unit = np.maximum(deviation, _LEAST_DEVIATION * _typical(features, deviation))
    scale = np.where(unit > 1e-9, 1 / np.maximum(unit, 1e-9), 0.0)
    trends = np.array([feature.trend for feature in features], dtype=np.float64)
    weights = shares(features)
    return DeviationScore(ONE_CLASS, clean.mean(axis=0), scale, trends, weights / weights.sum())


def guarded(score: Score, features: tuple[Feature, ...], benign: Floats) -> Score:
    """Return the score plus a guard against images that are unlike all benign images ``(n, f)``.

    The guard looks at an image's mean deviation from benign images. Up to the 99th percentile of the benign images'
    own mean deviations it adds nothing; beyond that, three logits for each standard deviation of them.
    """
    deviation = one_class(features, benign)
    usual = total(deviation, benign)
    spread = float(usual.std())
    limit = float(np.quantile(usual, _GUARDED_FROM))
    steepness = _STEEPNESS / spread if spread > 1e-6 * max(limit, 1) else 0.0  # else all images deviate alike
    return GuardedScore(score, deviation, limit, steepness)


def shares(features: tuple[Feature, ...]) -> Floats:
    """Return 1 / (number of layers in which the feature's measure is taken), ``(f,)``: each measure counts once."""
    measured = [_measured(feature) for feature in features]
    often = Counter(measured)
    return np.array([1 / often[one] for one in measured])


def _measured(feature: Feature) -> tuple[str, str, int]:
    return feature.measure, feature.kind, feature.rank


def _typical(features: tuple[Feature, ...], deviation: Floats) -> Floats:
    """Return for each feature the mean deviation over all layers of its measure, ``(f,)``."""
    _, group = np.unique([str(_measured(feature)) for feature in features], return_inverse=True)
    mean: Floats = np.bincount(group, deviation) / np.bincount(group)
    return mean[group]
