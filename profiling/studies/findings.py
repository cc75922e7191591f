"""What every study answers with: tables, drawings and the same figures as JSON-able data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its caption, the names of its columns, its rows; the first column names the rows."""

    caption: str
    columns: Row
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One line over ``x``, ascending, with a band around it where there is one.

    Attributes:
        shares: the values are shares in [0, 1].
        band: the line's lower and upper neighbours, each as long as ``y``.
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
        """What was studied, in a line."""
        ...

    def sheets(self) -> list[Sheet]:
        """Return the figures as tables."""
        ...

    def drawings(self) -> list[Drawing]:
        """Return the figures that are lines."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON-able data; what is undefined is nan."""
        ...


def percent(share: float) -> str:
    """Return a share in percent: to a tenth, and small ones to two digits that count."""
    if not isfinite(share):
        return "n/a"
    return f"{share:.1%}" if share >= 0.1 or share == 0 else f"{100 * share:.2g}%"


def decimal(value: float) -> str:
    """Return a number to three decimals."""
    return f"{value:.3f}" if isfinite(value) else "n/a"
