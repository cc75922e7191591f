"""What pictures of one detector are drawn from: values, so that the JSON has them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.metrics import roc_curve

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.detection.calibration import conformal_threshold
from pathprint.profiling.evaluation.layer_bands import LayerBand
from pathprint.profiling.evaluation.metrics import Estimate, Resampling

MOST_POINTS = 200
_BINS = 30
_TARGETS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class Roc:
    """Points of a ROC curve, ascending, at most ``MOST_POINTS``; none if an attack never succeeded."""

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]

    @staticmethod
    def of(clean: Floats, adversarial: Floats) -> Roc:
        """Return the curve, thinned evenly along its length."""
        if not len(clean) or not len(adversarial):
            return Roc((), ())
        truth = np.repeat([0, 1], [len(clean), len(adversarial)])
        fpr, tpr, _ = roc_curve(truth, np.concatenate([clean, adversarial]))
        # Both ascend, so their sum is the way along the curve, measured as in Manhattan.
        kept = np.unique(np.searchsorted(fpr + tpr, np.linspace(0, 2, MOST_POINTS) - 1e-12))
        return Roc(tuple(fpr[kept].tolist()), tuple(tpr[kept].tolist()))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Numbers of images per bin of the score; the outer bins also count what lies beyond them.

    Attributes:
        edges: ascending, one more than bins.
        adversarial: by attack, its successes.
    """

    edges: tuple[float, ...]
    threshold: float
    clean: tuple[int, ...]
    adversarial: Mapping[str, tuple[int, ...]]

    @staticmethod
    def of(clean: Floats, adversarial: Mapping[str, Floats], threshold: float) -> Histogram:
        """Return the histogram over the range of all but the most extreme scores, and the threshold."""
        low, high = np.quantile(np.concatenate([clean, *adversarial.values()]), [0.005, 0.995])
        margin = max(high - low, 1e-6) / _BINS
        edges = np.linspace(min(low, threshold - margin), max(high, threshold + margin), _BINS + 1)

        def counts(scores: Floats) -> tuple[int, ...]:
            return tuple(np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0].tolist())

        found = {name: counts(scores) for name, scores in adversarial.items()}
        return Histogram(tuple(edges.tolist()), threshold, counts(clean), found)


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """A false-positive rate that a threshold was set for, and what it is on clean test images."""

    target: float
    realised: Estimate


def realised(calibration: Floats, clean: Floats, images: Indices) -> tuple[CalibrationPoint, ...]:
    """Return the rates realised on test images, of each target that the calibration images suffice for."""
    by_image = Resampling.over(images)
    limits = {target: conformal_threshold(calibration, target) for target in _TARGETS}
    return tuple(
        CalibrationPoint(target, by_image.share(clean > limit, images))
        for target, limit in limits.items()
        if np.isfinite(limit)
    )


@dataclass(frozen=True)
class Distributions:
    """All of these for the bundle's detector; empty where nothing was measured."""

    roc: Mapping[str, Roc] = field(default_factory=dict)
    histogram: Histogram | None = None
    calibration: Sequence[CalibrationPoint] = ()
    layers: Sequence[LayerBand] = ()
