"""A study as one HTML page that needs no network and no JavaScript."""

from __future__ import annotations

import json
from math import isfinite

from pathprint.profiling.evaluation.figures import finite
from pathprint.profiling.evaluation.report.charts import BLUE, Axis, Plot, moved, picture
from pathprint.profiling.evaluation.report.elements import Html, element, figure, section, table
from pathprint.profiling.evaluation.report.page import document
from pathprint.profiling.studies.findings import Drawing, Findings

_LEFT, _TOP, _AROUND = 60, 44, 100


def page(found: Findings) -> str:
    """Return the findings as HTML: drawings, tables, and every figure as JSON."""
    drawn = figure(
        "One line for each; shaded around it, where there is one, its range.", *map(_drawn, found.drawings())
    )
    tables = [table(sheet.caption, sheet.columns, sheet.rows) for sheet in found.sheets()]
    every = element("pre", json.dumps(finite(found.to_dict())), class_="json")
    parts = {"Drawings": [drawn] if found.drawings() else [], "Tables": tables, "Every figure": [every]}
    sections = {title: section(title, *made) for title, made in parts.items() if made}
    return document(f"Pathprint study: {found.title}", found.title, sections)


def _drawn(drawing: Drawing) -> Html:
    """Return a line; points that are not finite are left out."""
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
