"""The report's pictures: one small panel per attack, so that neither legends nor colours have to tell attacks apart."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pathprint.profiling.evaluation.distributions import CalibrationPoint, Histogram, Roc
from pathprint.profiling.evaluation.evasion import EvasionPoint
from pathprint.profiling.evaluation.layer_bands import FeatureBand
from pathprint.profiling.evaluation.report.plot import Plot
from pathprint.profiling.evaluation.report.rounding import decimal, percent
from pathprint.profiling.pictures.axis import Axis, shares
from pathprint.profiling.pictures.svg import BLUE, DARK, GREEN, GREY, RED, moved, picture, words

_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 44, 24, 48
_WIDTH, _HEIGHT = 190, 130
_FEW = ((0, "0%"), (0.5, "50%"), (1, "100%"))
_SHOWN_TICKS = 6


def roc_panel(name: str, roc: Roc, area: float) -> Markup:
    """Return the ROC curve of one attack, with chance as a dashed diagonal; ``area`` is the AUC."""
    plot = _plot(Axis("false-positive rate", 0, 1, _FEW), Axis("true-positive rate", 0, 1, _FEW))
    chance = plot.line((0, 1), (0, 1), GREY, "chance")
    return _panel(f"{name}, AUC {decimal(area)}", plot, chance, plot.line(roc.fpr, roc.tpr, BLUE, name))


def histogram_panel(name: str, histogram: Histogram) -> Markup:
    """Return the histogram of clean scores as an outline and of one attack's scores as bars, with the threshold."""
    edges, clean, won = histogram.edges, _relative(histogram.clean), _relative(histogram.adversarial[name])
    top = max(*clean, *won, 1e-9)
    plot = _plot(Axis.around("score", edges), Axis.percents("share of images", top))
    bars = [plot.bar(edges[i], edges[i + 1], share, RED) for i, share in enumerate(won) if share]
    xs = [edge for edge in edges for _ in (0, 1)]
    outline = plot.line(xs, [0, *(share for share in clean for _ in (0, 1)), 0], BLUE, "clean")
    limit = plot.line([histogram.threshold] * 2, (0, top), GREY, "threshold")
    return _panel(name, plot, *bars, outline, limit)


def layer_panel(name: str, bands: Sequence[FeatureBand], y_name: str) -> Markup:
    """Return each layer's clean mean and standard deviation as a band, and one attack's mean as a dashed line."""
    places = list(range(len(bands)))
    lows, highs = [b.mean - b.deviation for b in bands], [b.mean + b.deviation for b in bands]
    attacked = [(place, band.attacks[name]) for place, band in enumerate(bands) if name in band.attacks]
    every = [value for band in bands for value in band.attacks.values()]
    step = max(1, -(-len(bands) // _SHOWN_TICKS))
    x = Axis("layer (number in the table)", 0, max(len(bands) - 1, 1), [(i, str(i + 1)) for i in places[::step]])
    plot = _plot(x, Axis.around(y_name, [*lows, *highs, *every]))
    xs, ys = [place for place, _ in attacked], [value for _, value in attacked]
    parts = [plot.band(places, lows, highs, BLUE), plot.line(places, [b.mean for b in bands], BLUE, "clean mean")]
    return _panel(name, plot, *parts, plot.line(xs, ys, RED, name), *(plot.dot(i, v, RED) for i, v in attacked))


def calibration_picture(points: Sequence[CalibrationPoint]) -> Markup:
    """Return target against realised false-positive rates, with intervals."""
    top = max((max(point.target, point.realised.high) for point in points), default=1.0)
    plot = Plot(
        Axis.percents("target false-positive rate", top),
        Axis.percents("realised on test images", top),
    )
    parts = [plot.line((0, top), (0, top), GREY, "as promised")]
    for point in points:
        found = point.realised
        title = f"target {percent(point.target)}, realised {percent(found.value)}"
        parts.append(plot.line([point.target] * 2, (found.low, found.high), BLUE, title))
        parts.append(plot.dot(point.target, found.value, BLUE))
    return _panel("Target and realised rate", plot, *parts)


def evasion_picture(points: Sequence[EvasionPoint]) -> Markup:
    """Return the shares of images answered wrongly, and answered wrongly without being flagged, over the budget."""
    budgets = [point.budget for point in points]
    x = Axis.around("Linf budget, in pixels of [0, 1]", (0, *budgets))
    plot = Plot(x, shares("share of images"))
    wrong, evaded = [p.wrong.value for p in points], [p.evaded.value for p in points]
    lows, highs = [p.evaded.low for p in points], [p.evaded.high for p in points]
    parts = [plot.band(budgets, lows, highs, RED), plot.line(budgets, wrong, GREEN, "wrong answer found")]
    parts += [
        plot.line(budgets, evaded, RED, "wrong answer not flagged"),
        *map(plot.dot, budgets, evaded, [RED] * len(points)),
    ]
    parts += [plot.dot(b, w, GREEN, hollow=True) for b, w in zip(budgets, wrong, strict=True)]
    return _panel("An attacker who knows the detector", plot, *parts)


def dot_plot(rows: Sequence[tuple[str, float, float]]) -> Markup:
    """Return one line per detector, with a filled dot at its mean AUC and a ring at the AUC of its worst attack.

    Args:
        rows: name, mean AUC and worst AUC of each detector; nan is not drawn.
    """
    left, step, height = 190, 24, 24 * len(rows)
    x = Axis("AUC", 0, 1, [(i / 5, f"{i / 5:g}") for i in range(6)])
    y = Axis("", 0, len(rows), [(len(rows) - i - 0.5, "") for i in range(len(rows))])
    plot = Plot(x, y, 360, height)
    parts = [*plot.axes(""), plot.line((0.5, 0.5), (0, len(rows)), GREY, "chance")]
    for number, (name, mean, worst) in enumerate(rows):
        place = len(rows) - number - 0.5
        parts.append(words(-10, (number + 0.5) * step + 4, name, "end"))
        parts += [plot.dot(worst, place, RED, hollow=True)] if worst == worst else []
        parts += [plot.dot(mean, place, DARK)] if mean == mean else []
    return picture(left + 360 + 30, height + 70, "AUC of each detector: mean and worst attack", moved(left, 20, *parts))


def _plot(x: Axis, y: Axis) -> Plot:
    return Plot(x, y, _WIDTH, _HEIGHT)


def _panel(title: str, plot: Plot, *parts: Markup) -> Markup:
    drawn = moved(_LEFT, _TOP, *plot.axes(title), *parts)
    label = f"{title}: {plot.y.name} over {plot.x.name}"
    return picture(_LEFT + plot.width + _RIGHT, _TOP + plot.height + _BOTTOM, label, drawn)


def _relative(counts: Sequence[int]) -> list[float]:
    return [count / max(sum(counts), 1) for count in counts]
