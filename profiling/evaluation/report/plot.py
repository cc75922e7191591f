"""A plot: marks between two axes, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pathprint.profiling.pictures.axis import Axis
from pathprint.profiling.pictures.svg import DARK, FAINT, Ink, element, words


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
