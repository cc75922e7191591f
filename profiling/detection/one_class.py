"""How far features are from those of benign images: a score of its own, and a guard for the others.

A classifier that has seen attacks knows nothing of what is unlike both them and clean images. The
guard makes that suspicious, whatever attacks taught.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.kinds import ONE_CLASS
from pathprint.profiling.detection.scores import DeviationScore, GuardedScore, Score, total
from pathprint.profiling.features.table import Feature

_LEAST_DEVIATION = 0.1  # of one feature on clean images, where others measure the same in other layers
_GUARDED_FROM = 0.99
_STEEPNESS = 3.0


def one_class(features: tuple[Feature, ...], clean: Floats) -> DeviationScore:
    """Return the mean deviation from clean images ``(n, f)``: no attack is needed, none is preferred.

    Each deviation counts in units of the clean images' standard deviation, or of a tenth of what is
    typical of the same measure in all layers if that is more: what hardly ever changes in one layer
    neither counts for nothing nor outweighs everything. What never changes in any layer is left out.
    Each measure weighs the same, in however many layers it is taken.
    """
    deviation = clean.std(axis=0)
    unit = np.maximum(deviation, _LEAST_DEVIATION * _typical(features, deviation))
    scale = np.where(unit > 1e-9, 1 / np.maximum(unit, 1e-9), 0.0)
    trends = np.array([feature.trend for feature in features], dtype=np.float64)
    weights = shares(features)
    return DeviationScore(ONE_CLASS, clean.mean(axis=0), scale, trends, weights / weights.sum())


def guarded(score: Score, features: tuple[Feature, ...], benign: Floats) -> Score:
    """Return the score plus a guard against what no benign image ``(n, f)`` is like.

    Beyond the 99th percentile of the mean deviation it adds three logits for each of that mean's
    standard deviations; within it, nothing.
    """
    deviation = one_class(features, benign)
    usual = total(deviation, benign)
    spread = float(usual.std())
    limit = float(np.quantile(usual, _GUARDED_FROM))
    steepness = _STEEPNESS / spread if spread > 1e-6 * max(limit, 1) else 0.0  # else they agree up to rounding
    return GuardedScore(score, deviation, limit, steepness)


def shares(features: tuple[Feature, ...]) -> Floats:
    """Return 1 / (number of features that measure the same), ``(f,)``: what is measured in every layer counts once."""
    measured = [_measured(feature) for feature in features]
    often = Counter(measured)
    return np.array([1 / often[one] for one in measured])


def _measured(feature: Feature) -> tuple[str, str, int]:
    return feature.measure, feature.kind, feature.rank


def _typical(features: tuple[Feature, ...], deviation: Floats) -> Floats:
    """Return for each feature the mean deviation of those that measure the same, ``(f,)``."""
    _, group = np.unique([str(_measured(feature)) for feature in features], return_inverse=True)
    mean: Floats = np.bincount(group, deviation) / np.bincount(group)
    return mean[group]
