"""Similarities of classes as a heat map: a picture of squares, the darker the more alike, as SVG or PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pathprint.profiling.arrays import Floats
from pathprint.profiling.pictures.svg import element, moved, picture, words

_LIGHT, _DARK = np.array([247, 251, 255]), np.array([8, 48, 107])
_TOP, _MARGIN, _LINE, _LETTER = 34, 10, 12, 6.5
_LONGEST = 24


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A symmetric matrix and the names of its rows.

    Attributes:
        values: in [0, 1], ``(k, k)``.
    """

    title: str
    labels: Sequence[str]
    values: Floats

    @property
    def cell(self) -> int:
        """Side of a square in pixels: large enough for names beside it where there are few."""
        return max(4, min(28, 700 // max(len(self.labels), 1)))

    @property
    def names(self) -> list[str]:
        """Names beside the rows; those of most rows are left out where the squares are too small for all."""
        every = -(-_LINE // self.cell)
        short = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in self.labels]
        return [name if at % every == 0 else "" for at, name in enumerate(short)]

    @property
    def left(self) -> int:
        """Where the squares begin."""
        return int(_MARGIN + _LETTER * max((len(name) for name in self.names), default=0)) + 6

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        side = self.cell * len(self.labels)
        return self.left + max(side, 420) + _MARGIN, _TOP + side + 50

    @property
    def range(self) -> tuple[float, float]:
        """The values of the lightest and of the darkest colour: the least and the most of two different rows."""
        between = self.values[np.triu_indices(len(self.labels), 1)]
        low, high = float(between.min(initial=1.0)), float(between.max(initial=0.0))
        return (low, high) if low < high else (0.0, 1.0)

    @property
    def legend(self) -> str:
        """What the colours say."""
        low, high = self.range
        return f"from {low:.3f} (light) to {high:.3f} (dark); a class equals itself"

    def colours(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Return the colours of the squares, ``(k, k, 3)``."""
        low, high = self.range
        share = ((self.values - low) / (high - low)).clip(0, 1)[:, :, None]
        found: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = np.round(_LIGHT + share * (_DARK - _LIGHT)).astype(
            np.uint8
        )
        return found

    def svg(self) -> str:
        """Return the picture as SVG."""
        cell, squares = self.cell, []
        for row, line in enumerate(self.colours().tolist()):
            for column, (red, green, blue) in enumerate(line):
                title = f"{self.labels[row]}, {self.labels[column]}: {self.values[row, column]:.3f}"
                place = {"x": column * cell, "y": row * cell, "width": cell, "height": cell}
                fill = f"#{red:02x}{green:02x}{blue:02x}"
                squares.append(element("rect", element("title", title), **place, fill=fill))
        names = [words(-6, (row + 0.5) * cell + 4, name, "end") for row, name in enumerate(self.names) if name]
        heading = words(_MARGIN, 20, self.title, "start", font_size=14, font_weight="bold")
        legend = words(0, cell * len(self.labels) + 24, self.legend, "start")
        inside = moved(self.left, _TOP, *squares, *names, legend)
        drawn = picture(*self.size, self.title, heading, inside)
        return str(drawn).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)

    def png(self) -> bytes:
        """Return the picture as PNG."""
        image = Image.new("RGB", self.size, "white")
        side = self.cell * len(self.labels)
        squares = Image.fromarray(self.colours()).resize((side, side), Image.Resampling.NEAREST)
        image.paste(squares, (self.left, _TOP))
        draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
        draw.text((_MARGIN, 10), self.title, "black", ImageFont.load_default(14))
        for row, name in enumerate(self.names):
            draw.text((self.left - 6, _TOP + (row + 0.5) * self.cell), name, "black", font, anchor="rm")
        draw.text((self.left, _TOP + side + 14), self.legend, "black", font)
        written = BytesIO()
        image.save(written, "png")
        return written.getvalue()
