"""A plot: marks between two axes, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup

from pathprint.profiling.evaluation.report.svg import DARK, FAINT, Ink, element, words

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


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot between two axes, ``width`` by ``height`` in SVG units; its upper left corner is at the origin."""

    x: Axis
    y: Axis
    width: float = 300
    height: float = 200

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return the SVG coordinates of a point."""
        return self.x.share(x) * self.width, (1 - self.y.share(y)) * self.height

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        """Return the value of an SVG ``points`` attribute."""
        return " ".join(f"{a:.1f},{u:.1f}" for a, u in map(self.place, xs, ys))

    def line(self, xs: Sequence[float], ys: Sequence[float], ink: Ink, title: str = "") -> Markup:
        """Return a line through points."""
        name = [element("title", title)] if title else []
        return element("polyline", *name, points=self.points(xs, ys), **ink.stroke())

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], ink: Ink) -> Markup:
        """Return the area between two lines."""
        around = self.points([*xs, *reversed(xs)], [*highs, *reversed(lows)])
        return element("polygon", points=around, **ink.fill(0.25))

    def bar(self, left: float, right: float, top: float, ink: Ink) -> Markup:
        """Return a bar from the low end of the y axis to ``top``."""
        (x, y), (end, bottom) = self.place(left, top), self.place(right, self.y.low)
        sides = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{end - x:.1f}", "height": f"{bottom - y:.1f}"}
        return element("rect", **sides, **ink.fill(0.55))

    def dot(self, x: float, y: float, ink: Ink, hollow: bool = False) -> Markup:
        """Return a point."""
        across, up = self.place(x, y)
        style = ink.stroke() | {"stroke_dasharray": "none"} if hollow else ink.fill()
        return element("circle", cx=f"{across:.1f}", cy=f"{up:.1f}", r=3.5 if hollow else 2.5, **style)

    def axes(self, title: str) -> list[Markup]:
        """Return title, grid, ticks and names of the axes."""
        parts = [words(self.width / 2, -28, title, "middle", font_size=13, font_weight="bold")]
        for place, label in self.y.ticks:
            up = (1 - self.y.share(place)) * self.height
            parts.append(element("path", d=f"M0 {up:g}H{self.width:g}", **FAINT.stroke(1)))
            parts.append(words(-8, up + 4, label, "end"))
        for place, label in self.x.ticks:
            parts.append(words(self.x.share(place) * self.width, self.height + 18, label, "middle"))
        parts.append(element("path", d=f"M0 0V{self.height:g}H{self.width:g}", **DARK.stroke(1)))
        parts.append(words(self.width / 2, self.height + 38, self.x.name, "middle"))
        return [*parts, words(0, -10, self.y.name, "start")]
