"""A study as one HTML page that needs no network and no JavaScript."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path

from markupsafe import Markup

from pathprint.profiling.evaluation.figures import finite
from pathprint.profiling.evaluation.report.plot import Plot
from pathprint.profiling.evaluation.report.rendering import environment
from pathprint.profiling.pictures.axis import Axis
from pathprint.profiling.pictures.svg import BLUE, moved, picture
from pathprint.profiling.studies.findings import Drawing, Findings

_HERE = Path(__file__).parent
_LEFT, _TOP, _AROUND = 60, 44, 100


def page(found: Findings) -> str:
    """Return the findings as HTML: drawings, tables, and every figure as JSON."""
    return (
        environment(_HERE)
        .get_template("study.html.jinja")
        .render(
            title=found.title,
            pictures=[_drawn(drawing) for drawing in found.drawings()],
            sheets=found.sheets(),
            figures=json.dumps(finite(found.to_dict())),
        )
    )


def _drawn(drawing: Drawing) -> Markup:
    """Return the picture of a line; points that are not finite are left out."""
    known = [i for i, value in enumerate(drawing.y) if isfinite(value)]
    xs, ys = [drawing.x[i] for i in known], [drawing.y[i] for i in known]
    lows, highs = ([side[i] for i in known] for side in drawing.band or (drawing.y, drawing.y))
    high = 1.0 if drawing.shares else max((*highs, 1e-9))
    plot = Plot(Axis.around(drawing.x_name, drawing.x), Axis.percents(drawing.y_name, high), 230, 150)
    parts = [plot.band(xs, lows, highs, BLUE)] if drawing.band else []
    parts += [plot.line(xs, ys, BLUE, drawing.title), *(plot.dot(x, y, BLUE) for x, y in zip(xs, ys, strict=True))]
    label = f"{drawing.title}: {drawing.y_name} over {drawing.x_name}"
    inside = moved(_LEFT, _TOP, *plot.axes(drawing.title), *parts)
    return picture(_LEFT + plot.width + _LEFT / 2, plot.height + _AROUND, label, inside)
