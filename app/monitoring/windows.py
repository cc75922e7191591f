"""The windows of all loaded bundles: fed by decisions, read by ``/v1/models/{model}/health`` and by Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from torch import Tensor

from pathprint.app.monitoring.decisions import Decision
from pathprint.app.monitoring.drift import Drift, Reference, Window
from pathprint.profiling.arrays import Floats

_MOST = 32
"""Bundles that are watched at the same time; beyond it the one that was first seen first is given up."""
_GAUGES: dict[str, tuple[str, Callable[[Drift, Reference], float]]] = {
    "drift_images": ("Images that the drift of this bundle rests on.", lambda drift, _: drift.images),
    "flagged_share": ("Share of the latest images above the threshold.", lambda drift, _: drift.flagged),
    "flagged_share_low": ("Lower end of the share's 95 % interval.", lambda drift, _: drift.interval[0]),
    "flagged_share_high": ("Upper end of the share's 95 % interval.", lambda drift, _: drift.interval[1]),
    "flagged_share_target": ("Promised largest share of flagged clean images.", lambda _, own: own.calibration.target),
    "score_distance": ("Kolmogorov-Smirnov distance of the scores from the calibration.", lambda d, _: d.distance),
    "score_distance_by_chance": ("Distance that chance exceeds once in 1000 times.", lambda d, _: d.by_chance),
    "rate_drifted": ("Whether the flagged share differs from the calibrated one.", lambda d, _: d.rate_drifted),
    "scores_drifted": ("Whether the scores are distributed differently.", lambda drift, _: drift.scores_drifted),
}
"""Name, explanation and value of each gauge; values of too few images are left out."""
_ALWAYS = ("drift_images", "flagged_share_target")
_Key: TypeAlias = tuple[str, str, str]
"""Model, version and SHA-256 of a bundle: another bundle under an old name and version is not compared with the old."""


class Windows(Collector):
    """The latest scores of each loaded bundle."""

    def __init__(self, reference: Callable[[Decision], Reference | None], size: int, fewest: int) -> None:
        self._reference, self._size, self._fewest = reference, size, fewest
        self._windows: dict[_Key, Window] = {}

    def decided(self, decision: Decision, pixels: Tensor | None = None) -> None:
        """Take in one image; a listener to ``Decisions``."""
        key = (decision.model, decision.version, decision.bundle_sha256)
        window = self._windows.get(key) or self._opened(key, decision)
        if window is not None:
            window.add(decision)

    def _opened(self, key: _Key, decision: Decision) -> Window | None:
        reference = self._reference(decision)
        if reference is None:  # the bundle went while the image was judged
            return None
        others = [(other, window) for other, window in self._windows.items() if other[:2] != key[:2]]
        kept = dict(others[-(_MOST - 1) :])
        self._windows = kept | {key: Window(reference, self._size, self._fewest)}  # readers have the older one
        return self._windows[key]

    def drift(self, model: str, version: str, bundle_sha256: str) -> Drift | None:
        """Return how the latest images of a bundle differ from its calibration; None if there were none yet."""
        window = self._windows.get((model, version, bundle_sha256))
        return window.drift() if window is not None else None

    def scores(self, model: str, version: str, bundle_sha256: str) -> Floats:
        """Return the latest scores that a bundle gave; none if there were none yet."""
        window = self._windows.get((model, version, bundle_sha256))
        return window.scores() if window is not None else np.zeros(0)

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, for Prometheus."""
        families = {
            name: GaugeMetricFamily(f"pathprint_{name}", about, labels=["model", "version"])
            for name, (about, _) in _GAUGES.items()
        }
        for key, window in self._windows.items():
            drift = window.drift()
            for name, (_, value) in _GAUGES.items():
                if name in _ALWAYS or drift.state != "too_few":
                    families[name].add_metric(key[:2], float(value(drift, window.reference)))
        yield from families.values()
