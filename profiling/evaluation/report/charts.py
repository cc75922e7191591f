"""SVG primitives: axes, lines, bands, bars and dots between two scales.

Colours are attributes, for pictures that stand alone, and classes, which the page's style sheet
overrides for dark screens. What colour tells, dashes, shapes or words tell too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from pathprint.profiling.evaluation.report.elements import Html, element


@dataclass(frozen=True, slots=True)
class Ink:
    """How something is drawn; the class is for the style sheet."""

    name: str
    colour: str
    dash: str = "none"

    def stroke(self, width: float = 2) -> dict[str, object]:
        """Return the attributes of a line."""
        kind = f"line {self.name}"
        return {
            "fill": "none",
            "stroke": self.colour,
            "stroke_width": width,
            "stroke_dasharray": self.dash,
            "class_": kind,
        }

    def fill(self, opacity: float = 1) -> dict[str, object]:
        """Return the attributes of an area."""
        return {"fill": self.colour, "fill_opacity": opacity, "class_": f"area {self.name}"}


# Told apart by colour-blind readers too.
BLUE, RED = Ink("blue", "#0072b2"), Ink("red", "#d55e00", "6 4")
GREEN, PINK = Ink("green", "#009e73", "2 3"), Ink("pink", "#cc79a7", "8 3 2 3")
INKS = (BLUE, RED, GREEN, PINK)
DARK, GREY, FAINT = Ink("dark", "#333333"), Ink("grey", "#555555", "3 3"), Ink("faint", "#dddddd")
TENTHS = tuple((step / 5, f"{step * 20}%") for step in range(6))


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from ``low`` to ``high``; ticks are positions with their words."""

    name: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Return where a value lies, 0 at the low end, 1 at the high one; nothing lies outside."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    @staticmethod
    def percents(name: str, high: float) -> Axis:
        """Return an axis of shares from 0 to ``high``, in percent."""
        return Axis.around(name, (0, high), ".0%" if high > 0.05 else ".1%")

    @staticmethod
    def around(name: str, values: Sequence[float], form: str = ".4g") -> Axis:
        """Return an axis that holds all values, with ticks at round numbers."""
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
    return Axis(name, 0, 1, TENTHS)


@dataclass(frozen=True, slots=True)
class Plot:
    """A rectangle between two axes, its upper left corner at the origin."""

    x: Axis
    y: Axis
    width: float = 300
    height: float = 200

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point is drawn."""
        return self.x.share(x) * self.width, (1 - self.y.share(y)) * self.height

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        """Return points as an SVG attribute."""
        return " ".join(f"{a:.1f},{u:.1f}" for a, u in map(self.place, xs, ys))

    def line(self, xs: Sequence[float], ys: Sequence[float], ink: Ink, title: str = "") -> Html:
        """Return a line through points."""
        name = [element("title", title)] if title else []
        return element("polyline", *name, points=self.points(xs, ys), **ink.stroke())

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], ink: Ink) -> Html:
        """Return the area between two lines."""
        around = self.points([*xs, *reversed(xs)], [*highs, *reversed(lows)])
        return element("polygon", points=around, **ink.fill(0.25))

    def bar(self, left: float, right: float, top: float, ink: Ink) -> Html:
        """Return a bar from the low end of the y axis to ``top``."""
        (x, y), (end, bottom) = self.place(left, top), self.place(right, self.y.low)
        sides = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{end - x:.1f}", "height": f"{bottom - y:.1f}"}
        return element("rect", **sides, **ink.fill(0.55))

    def dot(self, x: float, y: float, ink: Ink, hollow: bool = False) -> Html:
        """Return a point."""
        across, up = self.place(x, y)
        style = ink.stroke() | {"stroke_dasharray": "none"} if hollow else ink.fill()
        return element("circle", cx=f"{across:.1f}", cy=f"{up:.1f}", r=3.5 if hollow else 2.5, **style)

    def axes(self, title: str) -> list[Html]:
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


def words(x: float, y: float, text: str, anchor: str, ink: Ink = DARK, **style: object) -> Html:
    """Return a line of text."""
    return element("text", text, x=f"{x:g}", y=f"{y:g}", text_anchor=anchor, **(ink.fill() | style))


def moved(x: float, y: float, *parts: Html) -> Html:
    """Return parts with their origin at another place."""
    return element("g", *parts, transform=f"translate({x:g} {y:g})")


def picture(width: float, height: float, label: str, *parts: Html) -> Html:
    """Return a picture; ``label`` is read to those who do not see it."""
    box = {"viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}", "font_family": "sans-serif", "font_size": 12}
    return element("svg", element("title", label), *parts, role="img", aria_label=label, **box)
