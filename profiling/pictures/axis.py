"""An axis: a scale with ticks at round numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

_FIFTHS = tuple((step / 5, f"{step * 20}%") for step in range(6))


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from ``low`` to ``high``; ``ticks`` are values with their labels."""

    name: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Return where a value lies, from 0 at the low end to 1 at the high end; values outside move to the ends."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    @staticmethod
    def percents(name: str, high: float) -> Axis:
        """Return an axis of shares from 0 to ``high``, in percent."""
        return Axis.around(name, (0, high), ".0%" if high > 0.05 else ".1%")

    @staticmethod
    def around(name: str, values: Sequence[float], form: str = ".4g") -> Axis:
        """Return an axis that holds all values, with ticks at round numbers written in the format ``form``."""
        low, high = min(values, default=0.0), max(values, default=1.0)
        high = high if high > low else low + 1
        ticks = [(place, format(place, form)) for place in round_numbers(low, high)]
        return Axis(name, low, high, ticks)


def round_numbers(low: float, high: float) -> list[float]:
    """Return three to six multiples of 1, 2 or 5 times a power of ten, from ``low`` to ``high``."""
    power: float = 10.0 ** floor(log10((high - low) / 2))
    step = next(power * factor for factor in (0.5, 1, 2, 5) if (high - low) / (power * factor) < 6)
    return [step * number for number in range(ceil(low / step), floor(high / step) + 1)]


def shares(name: str) -> Axis:
    """Return an axis of shares in percent."""
    return Axis(name, 0, 1, _FIFTHS)
