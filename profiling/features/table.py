"""Features by name, and their values for a batch of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Floats


@dataclass(frozen=True, slots=True)
class Feature:
    """What one number of the feature vector is.

    Attributes:
        measure: ``containment``, ``coverage``, ``coherence``, …
        kind: ``neurons`` or ``weights``; empty for measures of the layer as a whole.
        rank: 1 compares with the predicted class, 2 with the runner-up; 0 with no class.
        trend: -1 if a larger value speaks for a clean image, 1 if for an adversarial one, 0 if open.
    """

    measure: str
    layer: str
    kind: str
    rank: int
    trend: int

    @property
    def name(self) -> str:
        parts = (self.measure, self.layer, self.kind, str(self.rank) if self.rank else "")
        return "/".join(part for part in parts if part)


@dataclass(frozen=True)
class FeatureTable:
    """Features of a batch: ``values`` is float64 ``(n, f)``, one column per entry of ``features``."""

    features: tuple[Feature, ...]
    values: Floats

    @staticmethod
    def join(tables: Sequence[FeatureTable]) -> FeatureTable:
        """Return tables of the same images side by side."""
        features = tuple(feature for table in tables for feature in table.features)
        return FeatureTable(features, np.hstack([table.values for table in tables]))
