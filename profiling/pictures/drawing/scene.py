"""A drawing as plain shapes, whatever file it becomes. Coordinates are in units from the upper left corner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]
Colours = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tone:
    """A colour on light paper, and the one that takes its place on dark paper; ``name`` is its class in a style."""

    name: str
    light: str
    dark: str


PAPER = Tone("paper", "#ffffff", "#16181b")
TEXT = Tone("text", "#1d2126", "#ececec")
SOFT = Tone("soft", "#5b636d", "#b3bac2")
RULE = Tone("rule", "#d9dde2", "#3a3f45")
# Colour-blind readers can tell these apart; words or shapes repeat what they say.
ROAD = Tone("road", "#0072b2", "#64b5f6")
PATH = Tone("path", "#c8480a", "#ff9a57")
OTHER = Tone("other", "#7a5ea8", "#c3aaf0")
GOOD = Tone("good", "#007a58", "#4fd1a5")
TONES = (PAPER, TEXT, SOFT, RULE, ROAD, PATH, OTHER, GOOD)


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon; ``shade`` is how opaque it is, in [0, 1]. ``title`` is told to whoever points at it."""

    points: Sequence[Point]
    tone: Tone
    shade: float = 1.0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, dashed or not."""

    points: Sequence[Point]
    tone: Tone
    width: float = 2.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle, or a ring."""

    x: float
    y: float
    radius: float
    tone: Tone
    hollow: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; ``y`` is its base line."""

    x: float
    y: float
    text: str
    tone: Tone = TEXT
    size: float = 13.0
    anchor: Anchor = "start"
    bold: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Bitmap:
    """Pixels ``(h, w, 3)``, stretched over a rectangle; few pixels are shown as squares.

    Attributes:
        title: what it shows, for whoever cannot see it.
    """

    x: float
    y: float
    width: float
    height: float
    colours: Colours
    title: str = ""

    @property
    def is_coarse(self) -> bool:
        """Whether its pixels are to be seen one by one."""
        return bool(max(self.colours.shape[:2]) < self.width / 2)


Shape = Area | Line | Dot | Words | Bitmap


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawing.

    Attributes:
        label: what it shows, in a sentence, for whoever cannot see it.
    """

    width: float
    height: float
    label: str
    shapes: tuple[Shape, ...] = field(default=())


def box(x: float, y: float, width: float, height: float, tone: Tone, shade: float = 1.0, title: str = "") -> Area:
    """Return a filled rectangle."""
    return Area(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), tone, shade, title)


def moved(shapes: Iterable[Shape], right: float, down: float) -> tuple[Shape, ...]:
    """Return shapes moved to another place."""
    return tuple(_moved(shape, right, down) for shape in shapes)


def _moved(shape: Shape, right: float, down: float) -> Shape:
    if isinstance(shape, Area | Line):
        return replace(shape, points=tuple((x + right, y + down) for x, y in shape.points))
    return replace(shape, x=shape.x + right, y=shape.y + down)
