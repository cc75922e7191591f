"""Where a number usually lies: a band of clean images, from their mean and standard deviation."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from pathprint.profiling.detection.evidence import Usual

OUTER, INNER = 1.645, 0.674
"""Standard deviations from the mean to the 5 % and 25 % quantiles of a normal distribution."""
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, slots=True)
class Band:
    """The numbers of clean images, as if they were normally distributed.

    A bundle keeps mean and standard deviation only. The means that bands are drawn of come close to normal: of clean
    digits, 5 % lie below ``low`` and 5 % above ``high``.

    Attributes:
        usual, spread: mean and standard deviation over clean images.
        of_class: True if these are clean images of the predicted class, False if too few of it were seen, so that all
            clean images stand for it.
        least, most: bounds of the number, such as 0 and 1 for a share.
    """

    usual: float
    spread: float
    of_class: bool
    least: float = -inf
    most: float = inf

    @staticmethod
    def of(usual: Usual, predicted: int, column: int, least: float = -inf, most: float = inf) -> Band:
        """Return the band of a feature in clean images of the predicted class."""
        row = usual.row(predicted)
        mean, deviation = float(usual.mean[row, column]), float(usual.deviation[row, column])
        return Band(mean, deviation, row < len(usual.classes), least, most)

    @property
    def low(self) -> float:
        """About 5 % of clean images lie below it."""
        return self._at(-OUTER)

    @property
    def high(self) -> float:
        """About 5 % of clean images lie above it."""
        return self._at(OUTER)

    @property
    def quartiles(self) -> tuple[float, float]:
        """About half of the clean images lie between them."""
        return self._at(-INNER), self._at(INNER)

    def deviations(self, value: float) -> float:
        """Return how many standard deviations a value lies above the mean; 0 if all clean images have just one value.

        Nothing can be said of a number that never changes: any other value would be infinitely far away.
        """
        return (value - self.usual) / self.spread if self.spread > _LEAST_SPREAD else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the band as JSON-able data."""
        names = ("usual", "spread", "of_class", "low", "high")
        lower, upper = self.quartiles
        return {name: getattr(self, name) for name in names} | {"lower_quartile": lower, "upper_quartile": upper}

    def _at(self, deviations: float) -> float:
        return min(self.most, max(self.least, self.usual + deviations * self.spread))
