"""What a classifier is fitted on: features of clean and of adversarial images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.features.table import Feature

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Feature values of clean and adversarial images, one image per row.

    Attributes:
        features: what the columns are.
        values: ``(n, f)``.
        adversarial: 1 for adversarial, 0 for clean, ``(n,)``.
        sources: number of the clean image that each row was made from, ``(n,)``.
    """

    features: tuple[Feature, ...]
    values: Floats
    adversarial: Labels
    sources: Indices

    def subset(self, rows: Indices) -> Examples:
        """Return the examples at ``rows``."""
        return Examples(self.features, self.values[rows], self.adversarial[rows], self.sources[rows])

    @property
    def benign(self) -> Floats:
        """Feature values of the clean rows, which include benign changes, ``(m, f)``."""
        found: Floats = self.values[self.adversarial == 0]
        return found

    @property
    def weights(self) -> Floats:
        """Weight of each row, ``(n,)``; all clean rows together weigh as much as all adversarial rows."""
        share = np.bincount(self.adversarial) * 2 / len(self.adversarial)
        result: Floats = 1 / share[self.adversarial]
        return result


def standardisation(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and 1 / standard deviation of each column, ``(f,)`` each; the latter is 0 for constant columns."""
    deviation = values.std(axis=0)
    return values.mean(axis=0), np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0)
