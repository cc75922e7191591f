"""The results of a study: tables, drawings, and all figures as JSON-able data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; the first cell of a row names it."""

    caption: str
    columns: Row
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One line ``y`` over ascending ``x``, if wanted with a band around it.

    Attributes:
        shares: whether ``y`` is drawn on an axis from 0 to 100 %.
        band: lower and upper end of the band, each as long as ``y``.
    """

    title: str
    x_name: str
    y_name: str
    x: Sequence[float]
    y: Sequence[float]
    shares: bool = True
    band: tuple[Sequence[float], Sequence[float]] | None = None


class Findings(Protocol):
    """The outcome of a study."""

    @property
    def title(self) -> str:
        """What was studied, in one line."""
        ...

    def sheets(self) -> list[Sheet]:
        """Return the figures as tables."""
        ...

    def drawings(self) -> list[Drawing]:
        """Return the figures that are lines."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON-able data; undefined figures are nan."""
        ...


def percent(share: float) -> str:
    """Return a share in percent, to a tenth; below 10 %, to two significant digits."""
    if not isfinite(share):
        return "n/a"
    return f"{share:.1%}" if share >= 0.1 or share == 0 else f"{100 * share:.2g}%"


def decimal(value: float) -> str:
    """Return a number to three decimals."""
    return f"{value:.3f}" if isfinite(value) else "n/a"
