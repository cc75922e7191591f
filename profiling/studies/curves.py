"""Draw curves of shares as an SVG file of its own, with the plots of the evaluation report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.evaluation.report.plot import Plot
from pathprint.profiling.pictures.axis import Axis, shares
from pathprint.profiling.pictures.svg import INKS, element, moved, words

Curves = Mapping[str, Sequence[float]]
"""The shares in [0, 1] of each line, by the line's name."""

_MARGIN, _GAP = 60, 50


def svg(x: Sequence[float], x_name: str, y_name: str, panels: Mapping[str, Curves]) -> str:
    """Return an SVG picture with its panels side by side.

    Args:
        x: ascending positions in [0, 1], shared by all lines.
        panels: the lines of each panel, by its title.

    Raises:
        OptionsError: a line does not have one share in [0, 1] per position.
    """
    for name, line in ((name, line) for curves in panels.values() for name, line in curves.items()):
        if len(line) != len(x) or not all(0 <= share <= 1 for share in line):
            raise OptionsError(f"line {name!r} has {len(line)} values; {len(x)} in [0, 1] can be drawn.")
    plot = Plot(Axis(x_name, 0, 1, [(step / 5, f"{step / 5:g}") for step in range(6)]), shares(y_name))
    width = 2 * _MARGIN + len(panels) * (plot.width + _GAP) - _GAP
    height = 2 * _MARGIN + plot.height
    drawn = [
        moved(_MARGIN + number * (plot.width + _GAP), _MARGIN, *plot.axes(title), *_lines(plot, x, curves))
        for number, (title, curves) in enumerate(panels.items())
    ]
    paper = element("rect", width=f"{width:g}", height=f"{height:g}", fill="white")
    box = {"viewBox": f"0 0 {width:g} {height:g}", "font_family": "sans-serif", "font_size": 12}
    return element("svg", paper, *drawn, xmlns="http://www.w3.org/2000/svg", **box) + "\n"


def _lines(plot: Plot, x: Sequence[float], curves: Curves) -> list[Markup]:
    parts: list[Markup] = []
    for number, (name, line) in enumerate(curves.items()):
        ink = INKS[number % len(INKS)]
        parts.append(plot.line(x, line, ink, name))
        parts += [plot.dot(at, share, ink) for at, share in zip(x, line, strict=True)]
        place = plot.width - 70 * (len(curves) - 1 - number)
        parts.append(words(place, -10, name, "end", ink, font_weight="bold"))
    return parts
