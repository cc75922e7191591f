"""Rates and areas with bootstrap intervals, from scores of clean and adversarial images; larger is more suspicious."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from pathprint.profiling.arrays import Floats, Indices

_RESAMPLES = 500
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % bootstrap interval ``low`` to ``high``; all are nan if ``images`` is 0."""

    value: float
    low: float
    high: float
    images: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Resampling:
    """Bootstrap by source image: an image and all that was made of it are drawn together.

    Attributes:
        images: numbers of all source images, ascending, each once.
    """

    images: Indices
    seed: int = 0

    @staticmethod
    def over(*sources: Indices) -> Resampling:
        """Return the resampling over all images among ``sources``."""
        return Resampling(np.unique(np.concatenate(sources)))

    @cached_property
    def _drawn(self) -> Floats:
        """How often each resample draws each image, ``(r, images)``."""
        generator, n = np.random.default_rng(self.seed), len(self.images)
        if not n:
            return np.zeros((_RESAMPLES, 0))
        return generator.multinomial(n, np.full(n, 1 / n), size=_RESAMPLES).astype(np.float64)

    def weights(self, sources: Indices) -> Floats:
        """Return how often each resample draws each row, ``(r, rows)``."""
        return self._drawn[:, np.searchsorted(self.images, sources)]

    def area(self, clean: Floats, clean_sources: Indices, adversarial: Floats, sources: Indices) -> Estimate:
        """Return the area under the ROC curve; ``sources`` are the source images of the scores, ``(n,)``."""
        areas = weighted_areas(clean, adversarial, self.weights(clean_sources), self.weights(sources))
        return _estimate(auc(clean, adversarial), areas, len(adversarial))

    def share(self, flags: Flags, sources: Indices) -> Estimate:
        """Return the share of ``flags`` that are set; ``sources`` are their source images, ``(n,)``."""
        weights = self.weights(sources)
        with np.errstate(invalid="ignore"):  # a resample without any of these images says nothing
            shares = weights @ flags.astype(np.float64) / weights.sum(1)
        return _estimate(float(flags.mean()) if len(flags) else float("nan"), shares, len(flags))


def _estimate(value: float, resampled: Floats, images: int) -> Estimate:
    known = resampled[np.isfinite(resampled)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Estimate(value, float(low), float(high), images)


def auc(clean: Floats, adversarial: Floats) -> float:
    """Return the area under the ROC curve; nan if one side is empty."""
    if not len(clean) or not len(adversarial):
        return float("nan")
    truth = np.repeat([0, 1], [len(clean), len(adversarial)])
    return float(roc_auc_score(truth, np.concatenate([clean, adversarial])))


def weighted_areas(clean: Floats, adversarial: Floats, clean_weights: Floats, weights: Floats) -> Floats:
    """Return the area under the ROC curve for each row of weights ``(r, n)``; nan where one side weighs nothing.

    The area is the probability that an adversarial image scores above a clean one; ties count half.
    """
    order = np.argsort(clean, kind="stable")
    below = np.pad(np.cumsum(clean_weights[:, order], axis=1), ((0, 0), (1, 0)))
    left, right = (np.searchsorted(clean[order], adversarial, side=side) for side in ("left", "right"))
    wins = (below[:, left] + below[:, right]) / 2
    with np.errstate(invalid="ignore"):
        areas: Floats = (wins * weights).sum(1) / (clean_weights.sum(1) * weights.sum(1))
    return areas
