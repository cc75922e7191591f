"""Distributions of the bundle's detector as values, which pictures are drawn from and the JSON contains."""

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
    """Points of a ROC curve, ascending, at most ``MOST_POINTS``; empty if the attack never succeeded."""

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]

    @staticmethod
    def of(clean: Floats, adversarial: Floats) -> Roc:
        """Return the curve of scores of clean and adversarial images, thinned evenly along its length."""
        if not len(clean) or not len(adversarial):
            return Roc((), ())
        truth = np.repeat([0, 1], [len(clean), len(adversarial)])
        fpr, tpr, _ = roc_curve(truth, np.concatenate([clean, adversarial]))
        # Both rates ascend, so their sum is the distance along the curve in the L1 norm.
        kept = np.unique(np.searchsorted(fpr + tpr, np.linspace(0, 2, MOST_POINTS) - 1e-12))
        return Roc(tuple(fpr[kept].tolist()), tuple(tpr[kept].tolist()))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Number of images per bin of the score; the first and last bin also count scores beyond the edges.

    Attributes:
        edges: of the bins, ascending, one more than there are bins.
        threshold: of the bundle.
        clean: clean images per bin.
        adversarial: successful images of each attack per bin, by the attack's name.
    """

    edges: tuple[float, ...]
    threshold: float
    clean: tuple[int, ...]
    adversarial: Mapping[str, tuple[int, ...]]

    @staticmethod
    def of(clean: Floats, adversarial: Mapping[str, Floats], threshold: float) -> Histogram:
        """Return the histogram over a range that holds the threshold and the middle 99 % of all scores."""
        low, high = np.quantile(np.concatenate([clean, *adversarial.values()]), [0.005, 0.995])
        margin = max(high - low, 1e-6) / _BINS
        edges = np.linspace(min(low, threshold - margin), max(high, threshold + margin), _BINS + 1)

        def counts(scores: Floats) -> tuple[int, ...]:
            return tuple(np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0].tolist())

        found = {name: counts(scores) for name, scores in adversarial.items()}
        return Histogram(tuple(edges.tolist()), threshold, counts(clean), found)


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """A false-positive rate that a threshold was set for, and the rate that it has on clean test images."""

    target: float
    realised: Estimate


def realised(calibration: Floats, clean: Floats, images: Indices) -> tuple[CalibrationPoint, ...]:
    """Return the false-positive rate on clean test images for each target rate.

    Targets that need more calibration images than there are are left out.

    Args:
        calibration: scores of clean calibration images.
        clean: scores of clean test images ``(n,)``; ``images`` are the numbers of these images, ``(n,)``.
    """
    by_image = Resampling.over(images)
    limits = {target: conformal_threshold(calibration, target) for target in _TARGETS}
    return tuple(
        CalibrationPoint(target, by_image.share(clean > limit, images))
        for target, limit in limits.items()
        if np.isfinite(limit)
    )


@dataclass(frozen=True)
class Distributions:
    """ROC curves by attack, histogram, calibration and layers of the bundle's detector; empty if not measured."""

    roc: Mapping[str, Roc] = field(default_factory=dict)
    histogram: Histogram | None = None
    calibration: Sequence[CalibrationPoint] = ()
    layers: Sequence[LayerBand] = ()
