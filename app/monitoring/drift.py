"""Does what comes in still look like what the threshold was calibrated on? Counted over the latest images.

Two questions, each with an answer that allows for chance. *How many are flagged?* The share has a Wilson interval
(Wilson 1927), which is compared with the interval that the calibration promises. *Are scores distributed as they
were?* The Kolmogorov-Smirnov distance between the latest scores and those of the calibration images is compared with
the distance that chance alone exceeds once in a thousand times (Smirnov 1948).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import log, sqrt
from threading import Lock
from typing import Literal

import numpy as np

from pathprint.app.monitoring.decisions import Decision
from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.calibration import Calibration

State = Literal["too_few", "as_calibrated", "drifted"]
_NORMAL = 1.959964
"""97.5 % quantile of the normal distribution."""
_BY_CHANCE = 0.001
_NOTABLE = 0.1
"""Distances below it are of no consequence, however many images prove them."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the latest images are compared with: the calibration of a bundle, and its scores in ascending order."""

    calibration: Calibration
    scores: Floats


@dataclass(frozen=True, slots=True)
class Drift:
    """How the latest images differ from the calibration images.

    Attributes:
        state: ``too_few`` images to say anything, ``as_calibrated``, or ``drifted``.
        images: number of images that this rests on.
        since, until: when the first and the last of them were decided; None if there are none.
        flagged: share of them with a score above the threshold.
        interval: 95 % confidence interval of this share.
        distance: Kolmogorov-Smirnov distance of their scores from those of the calibration, in [0, 1].
        by_chance: the distance that chance alone exceeds once in a thousand times.
        rate_drifted, scores_drifted: which of the two questions is answered with yes.
    """

    state: State
    images: int
    since: datetime | None
    until: datetime | None
    flagged: float
    interval: tuple[float, float]
    distance: float
    by_chance: float
    rate_drifted: bool
    scores_drifted: bool


class Window:
    """The latest scores of one bundle. Any thread may ask while another one adds."""

    def __init__(self, reference: Reference, size: int, fewest: int) -> None:
        self.reference, self._fewest = reference, fewest
        self._scores: Floats = np.zeros(size)
        self._times: list[datetime | None] = [None] * size
        self._seen = 0
        self._lock = Lock()

    def add(self, decision: Decision) -> None:
        """Take in one image; the oldest goes when the window is full."""
        with self._lock:
            place = self._seen % len(self._scores)
            self._scores[place], self._times[place] = decision.score, decision.time
            self._seen += 1

    def scores(self) -> Floats:
        """Return the latest scores, in no particular order."""
        with self._lock:
            return self._scores[: min(self._seen, len(self._scores))].copy()

    def drift(self) -> Drift:
        """Compare the latest images with the calibration."""
        with self._lock:
            images = min(self._seen, len(self._scores))
            scores, oldest = self._scores[:images].copy(), self._seen % len(self._scores) if images < self._seen else 0
            since, until = self._times[oldest], self._times[(self._seen - 1) % len(self._scores)]
        calibration = self.reference.calibration
        flagged = int((scores > calibration.threshold).sum())
        low, high = wilson(flagged, images)
        distance, by_chance = ks_distance(scores, self.reference.scores), ks_by_chance(images, calibration.images)
        enough = images >= self._fewest
        rate_drifted = enough and (low > calibration.interval[1] or high < calibration.interval[0])
        scores_drifted = enough and distance > max(by_chance, _NOTABLE)
        return Drift(
            state="too_few" if not enough else "drifted" if rate_drifted or scores_drifted else "as_calibrated",
            images=images,
            since=since,
            until=until,
            flagged=flagged / max(images, 1),
            interval=(low, high),
            distance=distance,
            by_chance=by_chance,
            rate_drifted=rate_drifted,
            scores_drifted=scores_drifted,
        )


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share; (0, 1) without any trial."""
    if not trials:
        return 0.0, 1.0
    share, spread = hits / trials, _NORMAL**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    half = _NORMAL * sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    # At the ends the interval reaches the end exactly; rounding would leave it short of it.
    return (0.0 if hits == 0 else centre - half), (1.0 if hits == trials else centre + half)


def ks_distance(found: Floats, usual: Floats) -> float:
    """Return the largest difference between two empirical distributions, in [0, 1]; 0 if one has no values.

    Args:
        usual: in ascending order.
    """
    if not len(found) or not len(usual):
        return 0.0
    found, points = np.sort(found), np.concatenate([found, usual])
    below = np.searchsorted(found, points, side="right") / len(found)
    return float(np.abs(below - np.searchsorted(usual, points, side="right") / len(usual)).max())


def ks_by_chance(found: int, usual: int) -> float:
    """Return the distance that samples of these sizes from one distribution exceed once in a thousand times."""
    if not found or not usual:
        return 1.0
    return min(1.0, sqrt(-log(_BY_CHANCE / 2) / 2 * (found + usual) / (found * usual)))
