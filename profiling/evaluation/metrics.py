"""Figures of a detector from scores of clean and adversarial images; larger is more suspicious."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from profiling.lookup import Floats
from profiling.paths.path import Indices

_RESAMPLES = 500


def auc(clean: Floats, adversarial: Floats) -> float:
    """Return the area under the ROC curve; nan if one side is empty."""
    if not len(clean) or not len(adversarial):
        return float("nan")
    truth = np.repeat([0, 1], [len(clean), len(adversarial)])
    return float(roc_auc_score(truth, np.concatenate([clean, adversarial])))


def auc_interval(
    clean: Floats, clean_sources: Indices, adversarial: Floats, sources: Indices, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the AUC, resampling source images, not rows.

    An image and the attacks on it are drawn together, because they are not independent.
    """
    generator = np.random.default_rng(seed)
    images = np.unique(np.concatenate([clean_sources, sources]))
    at, adversarial_at = np.searchsorted(images, clean_sources), np.searchsorted(images, sources)
    areas = []
    for _ in range(_RESAMPLES):
        drawn = np.bincount(generator.integers(len(images), size=len(images)), minlength=len(images))
        areas.append(auc(np.repeat(clean, drawn[at]), np.repeat(adversarial, drawn[adversarial_at])))
    low, high = np.nanquantile(areas, [0.025, 0.975])
    return float(low), float(high)


def rate_above(scores: Floats, threshold: float) -> float:
    """Return the share of scores above ``threshold``; nan if there are none."""
    return float((scores > threshold).mean()) if len(scores) else float("nan")


def threshold_at(clean: Floats, rate: float) -> float:
    """Return the conformal threshold that flags at most ``rate`` of clean images; inf if too few."""
    flagged = int((len(clean) + 1) * rate)
    return float(np.sort(clean)[len(clean) - flagged]) if flagged else float("inf")
