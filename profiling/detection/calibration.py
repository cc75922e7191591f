"""A threshold with a guaranteed false-positive rate: split conformal prediction on held-out clean images.

Given n exchangeable clean scores, take the ceil((n + 1)(1 - a))-th smallest as the threshold. A new clean image
exceeds it with probability at most a (Vovk et al. 2005; Papadopoulos et al. 2002).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil, floor, inf
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.errors import CalibrationError

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold set on clean calibration images, and how precise it is.

    Attributes:
        target: largest false-positive rate that the threshold is set for.
        images: number of clean images that the threshold was set on.
        threshold: scores above it are flagged.
        interval: 95 % confidence interval of the false-positive rate of this threshold.
        uncertain: lower and upper score between which the verdict is uncertain, because a threshold set on other
            clean images could give the other verdict.
    """

    target: float
    images: int
    threshold: float
    interval: tuple[float, float]
    uncertain: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as JSON-able data."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Calibration:
        """Return the calibration stored by ``to_dict``."""
        low, high = data["interval"]
        below, above = data["uncertain"]
        interval, uncertain = (float(low), float(high)), (float(below), float(above))
        return Calibration(float(data["target"]), int(data["images"]), float(data["threshold"]), interval, uncertain)


def conformal_threshold(clean_scores: Floats, rate: float) -> float:
    """Return the score above which at most ``rate`` of clean images lie; infinity if there are too few images.

    Args:
        clean_scores: scores of clean images that were used for nothing else, ``(n,)``.
    """
    flagged = _most_above(len(clean_scores), rate)
    return float(np.sort(clean_scores)[len(clean_scores) - flagged]) if flagged else float("inf")


def _most_above(images: int, rate: float) -> int:
    """Return how many clean scores, out of ``images`` and one new one, may lie above the threshold."""
    return floor((images + 1) * rate)


def check_target(target: float) -> None:
    """Check that a rate lies between 0 and 1.

    Raises:
        CalibrationError: it does not.
    """
    if not 0 < target < 1:
        raise CalibrationError(f"the target false-positive rate is {target}; it must lie between 0 and 1.")


def check_promise(images: int, target: float) -> None:
    """Check that a threshold set on that number of clean images can promise the ``target`` rate.

    Raises:
        CalibrationError: ``target`` is not between 0 and 1, or there are too few images for it; the message says how
            many are needed.
    """
    check_target(target)
    if _most_above(images, target) < 1:
        raise CalibrationError(
            f"{images} clean images cannot promise a false-positive rate of {target:g}; "
            f"at least {ceil(1 / target) - 1} are needed: give more images, or promise a larger rate."
        )


def calibrate(clean_scores: Floats, target: float = 0.05, at_least: float = -inf) -> Calibration:
    """Return the threshold that flags at most ``target`` of clean images.

    Args:
        at_least: the least threshold. Where the images alone would set a lower one, fewer images are flagged than
            ``target`` allows.

    Raises:
        CalibrationError: ``target`` is not between 0 and 1, or there are too few images for it; the message says how
            many are needed.
    """
    from scipy.stats import (
        beta,
        binom,
    )  # imported here because the service, which only loads calibrations, has no use for it

    n = len(clean_scores)
    check_promise(n, target)
    flagged = _most_above(n, target)
    ordered = np.sort(clean_scores)
    tail = (1 - _CONFIDENCE) / 2
    achieved = beta(flagged, n + 1 - flagged)
    # The number of clean scores above the true quantile is binomial, which gives the order statistics around it.
    fewest, most = (int(binom(n, target).ppf(p)) for p in (tail, 1 - tail))
    low, high = float(ordered[max(n - 1 - most, 0)]), float(ordered[min(n - fewest, n - 1)])
    threshold = conformal_threshold(clean_scores, target)
    interval = (float(achieved.ppf(tail)), float(achieved.ppf(1 - tail)))
    return Calibration(
        target=target,
        images=n,
        threshold=max(threshold, at_least),
        interval=interval if threshold >= at_least else _interval(int((clean_scores > at_least).sum()), n),
        uncertain=(max(low, at_least), max(high, at_least)),
    )


def _interval(flagged: int, images: int) -> tuple[float, float]:
    """Return the exact binomial interval (Clopper and Pearson 1934) of a rate, where a fixed threshold is asked."""
    from scipy.stats import binomtest  # imported here for the reason that is given above

    found = binomtest(flagged, images).proportion_ci(_CONFIDENCE, method="exact")
    return float(found.low), float(found.high)
