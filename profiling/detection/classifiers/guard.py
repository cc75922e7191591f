"""A guard for scores that were fitted on attacks: it makes images suspicious that are unlike any benign image.

A classifier that was fitted on attacks has learnt nothing about images that are unlike both these attacks and clean
images. The guard raises their score, whatever the classifier says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Arrays, Floats
from pathprint.profiling.detection.classifiers.one_class import DeviationScore, load, one_class
from pathprint.profiling.detection.scores import Score, number, require, scalar, total
from pathprint.profiling.features.table import Feature

_GUARD = "guard_"
_GUARDED_FROM = 0.99
_STEEPNESS = 3.0
_TINY = 1e-12


@dataclass(frozen=True)
class GuardedScore:
    """A score plus a guard, which adds ``steepness`` for each unit by which the mean deviation exceeds ``limit``.

    ``deviation`` is the mean deviation from benign images. What the guard adds is divided among the features in
    proportion to their deviations.
    """

    base: Score
    deviation: DeviationScore
    limit: float
    steepness: float

    @property
    def kind(self) -> str:
        return self.base.kind

    @property
    def intercept(self) -> float:
        return self.base.intercept

    def contributions(self, values: Floats) -> Floats:
        parts = self.deviation.contributions(values)
        mean = parts.sum(axis=1, keepdims=True)
        excess = self.steepness * np.maximum(mean - self.limit, 0)
        added: Floats = excess * parts / np.maximum(mean, _TINY)
        return self.base.contributions(values) + added

    def arrays(self) -> Arrays:
        guard = {f"{_GUARD}{name}": array for name, array in self.deviation.arrays().items()}
        limits = {f"{_GUARD}limit": scalar(self.limit), f"{_GUARD}steepness": scalar(self.steepness)}
        return {**self.base.arrays(), **guard, **limits}


def guarded(score: Score, features: tuple[Feature, ...], benign: Floats) -> Score:
    """Return the score plus a guard against images that are unlike all benign images.

    The guard takes an image's mean deviation from benign images. Up to the 99th percentile of the benign images' own
    mean deviations it adds nothing. Beyond, it adds 3 per standard deviation of the benign images' mean deviations.

    Args:
        benign: feature values of benign images, ``(n, f)``.
    """
    deviation = one_class(features, benign)
    usual = total(deviation, benign)
    spread = float(usual.std())
    limit = float(np.quantile(usual, _GUARDED_FROM))
    steepness = (
        _STEEPNESS / spread if spread > 1e-6 * max(limit, 1) else 0.0
    )  # if not, all benign images deviate equally
    return GuardedScore(score, deviation, limit, steepness)


def load_guarded(base: Score, arrays: Arrays, features: int) -> GuardedScore:
    """Return ``base`` with its stored guard.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays are malformed, or are not those of a guard with this number of features.
    """
    limit, steepness = (number(arrays, f"{_GUARD}{name}") for name in ("limit", "steepness"))
    require(steepness >= 0, "the guard's steepness must not be negative")
    return GuardedScore(base, load(arrays, features, _GUARD), limit, steepness)
