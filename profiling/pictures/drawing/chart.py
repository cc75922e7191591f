"""A chart: marks between two labelled axes, as shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pathprint.profiling.pictures.axis import Axis
from pathprint.profiling.pictures.drawing.letters import shortened
from pathprint.profiling.pictures.drawing.scene import RULE, SOFT, TEXT, Area, Line, Point, Shape, Tone, Words

LEFT, TOP, RIGHT, BOTTOM = 54.0, 70.0, 14.0, 50.0
"""Room around the marks for titles and labels."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of ``width`` by ``height`` units, labels included, whose upper left corner is at the origin.

    Attributes:
        title: what it shows.
        below: one more line below the title, which is cut off where it is too long.
    """

    title: str
    below: str
    x: Axis
    y: Axis
    width: float
    height: float

    def place(self, x: float, y: float) -> Point:
        """Return where a point lies; one outside of the axes is moved to their ends."""
        across = LEFT + self.x.share(x) * (self.width - LEFT - RIGHT)
        return across, TOP + (1 - self.y.share(y)) * (self.height - TOP - BOTTOM)

    def line(
        self, xs: Sequence[float], ys: Sequence[float], tone: Tone, width: float = 2, dashed: bool = False
    ) -> Line:
        """Return a line through points."""
        return Line([self.place(x, y) for x, y in zip(xs, ys, strict=True)], tone, width, dashed)

    def between(
        self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], tone: Tone, shade: float
    ) -> Area:
        """Return the area between two lines."""
        there = [self.place(x, y) for x, y in zip(xs, highs, strict=True)]
        back = [self.place(x, y) for x, y in zip(xs, lows, strict=True)]
        return Area([*there, *reversed(back)], tone, shade)

    def bar(
        self, left: float, right: float, low: float, high: float, tone: Tone, shade: float, title: str = ""
    ) -> Area:
        """Return a bar from one x to another, and from one y to another."""
        (x, y), (end, bottom) = self.place(left, high), self.place(right, low)
        return Area([(x, y), (end, y), (end, bottom), (x, bottom)], tone, shade, title)

    def axes(self) -> list[Shape]:
        """Return titles, grid, ticks and names of the axes."""
        left, right, bottom = LEFT, self.width - RIGHT, self.height - BOTTOM
        title, below = shortened(self.title, 15, self.width, bold=True), shortened(self.below, 12, self.width)
        parts: list[Shape] = [Words(0, 16, title, size=15, bold=True), Words(0, 35, below, SOFT, 12)]
        for value, label in self.y.ticks:
            _, y = self.place(self.x.low, value)
            parts += [Line([(left, y), (right, y)], RULE, 1), Words(left - 7, y + 4, label, SOFT, 11.5, "end")]
        for value, label in self.x.ticks:
            x, _ = self.place(value, self.y.low)
            parts += [Words(x, bottom + 16, label, SOFT, 11.5, "middle")]
        parts += [Line([(left, bottom), (right, bottom)], TEXT, 1), Words(0, TOP - 15, self.y.name, SOFT, 11.5)]
        return [*parts, Words((left + right) / 2, bottom + 36, self.x.name, SOFT, 12, "middle")]
