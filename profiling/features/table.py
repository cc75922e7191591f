"""Features by name, and their values for a batch of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Floats


@dataclass(frozen=True, slots=True)
class Feature:
    """What one number of the feature vector measures.

    Attributes:
        measure: ``containment``, ``coverage``, ``coherence``, …
        layer: name of the weighted layer, or ``the answer``.
        kind: ``neurons`` or ``weights``; empty for measures of the layer as a whole.
        rank: the class compared with: 1 for the predicted one, 2 for the runner-up, 0 for none.
        trend: -1 if a larger value speaks for a clean image, 1 if for an adversarial one, 0 if that
            is not known.
    """

    measure: str
    layer: str
    kind: str
    rank: int
    trend: int

    @property
    def name(self) -> str:
        """``MEASURE/LAYER/KIND/RANK``, without the parts that the feature lacks."""
        parts = (self.measure, self.layer, self.kind, str(self.rank) if self.rank else "")
        return "/".join(part for part in parts if part)


@dataclass(frozen=True)
class FeatureTable:
    """Features of a batch: ``values`` is float64 ``(n, f)``, one column per entry of ``features``."""

    features: tuple[Feature, ...]
    values: Floats

    @staticmethod
    def join(tables: Sequence[FeatureTable]) -> FeatureTable:
        """Return all features of ``tables``, which are of the same images, as one table."""
        features = tuple(feature for table in tables for feature in table.features)
        return FeatureTable(features, np.hstack([table.values for table in tables]))
