"""The parts of a drawing of one verdict, each a scene of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pathprint.profiling.detection.told_numbers import apart, percent
from pathprint.profiling.pictures.axis import Axis
from pathprint.profiling.pictures.band import INNER, OUTER
from pathprint.profiling.pictures.drawing.chart import Chart
from pathprint.profiling.pictures.drawing.letters import shortened, width_of, wrapped
from pathprint.profiling.pictures.drawing.scene import (
    GOOD,
    OTHER,
    PATH,
    ROAD,
    SOFT,
    TEXT,
    Dot,
    Line,
    Scene,
    Shape,
    Tone,
    Words,
    box,
)
from pathprint.profiling.pictures.explained import Explained
from pathprint.profiling.pictures.layer import LayerPicture

_FEW = 12
"""Layers whose names stand below an axis; of more, numbers do."""
_NAMED = 5
"""Layers that a sentence names."""
_KNOWN: tuple[tuple[str, str, Tone, float], ...] = (
    ("by_both", "both classes", ROAD, 0.35),
    ("by_predicted", "{predicted} only", ROAD, 0.9),
    ("by_runner_up", "{runner_up} only", OTHER, 0.75),
    ("by_neither", "neither", PATH, 0.95),
)
"""Names of shares, what they are called in a legend, and how they are drawn."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a line, or an area of some ``shade``, stands for."""

    words: str
    tone: Tone
    shade: float = 0.0
    dashed: bool = False


def tone_of(explained: Explained) -> Tone:
    """Return the colour of a verdict."""
    return {"benign": GOOD, "adversarial": PATH, "uncertain": OTHER}[explained.verdict.decision]


def heading(explained: Explained, width: float, name: str = "") -> Scene:
    """Return the verdict, the answer and the score in words."""
    verdict = explained.verdict
    tone, title = tone_of(explained), f"{verdict.decision.capitalize()}{f': {name}' if name else ''}"
    room = width - 24
    answer = f"The network answers '{verdict.label}' ({percent(verdict.confidence)})"
    answer += f"; next likeliest is '{verdict.runner_up_label}'."
    lines = [*wrapped(answer, 14, room), *wrapped(score_in_words(explained), 14, room)]
    lines += wrapped(road_in_words(explained), 14, room)
    lines += wrapped(verdict.note, 14, room) if verdict.note else []
    size = 24 if width_of(title, 24, bold=True) <= room else 19
    shapes: list[Shape] = [Words(22, 26, shortened(title, size, room, bold=True), tone, size, bold=True)]
    shapes += [Words(22, 52 + 20 * at, line, TEXT, 14) for at, line in enumerate(lines)]
    height = 48 + 20 * len(lines)
    return Scene(width, height, f"{title}. {answer}", (box(0, 4, 6, height - 4, tone), *shapes))


def score_in_words(explained: Explained) -> str:
    """Return where the score lies, as a sentence."""
    verdict = explained.verdict
    side = "above" if verdict.flagged else "not above"
    score, threshold = apart(verdict.score, verdict.threshold)
    test = verdict.test.replace("_", " ")
    return (
        f"Its score is {score}, {side} the threshold of {threshold}, by the test {test}; "
        f"{percent(verdict.p_value)} of clean images score this high."
    )


def layer_chart(explained: Explained, width: float, height: float) -> Scene:
    """Return how far the path is from the road of its class, layer by layer: the road lies straight."""
    layers, label = explained.layers, explained.verdict.label
    xs = [float(at) for at in range(len(layers))]
    own = [layer.similarity.deviations for layer in layers]
    other = [layer.similarity_runner_up.deviations for layer in layers]
    chart = Chart(
        "Where the path leaves the road",
        f"How much the path is like those of '{label}', beside clean images",
        _layer_axis(layers, width),
        _deviation_axis([*own, *other]),
        width,
        height,
    )
    ends = [chart.x.low, chart.x.high]
    shapes: list[Shape] = [
        chart.between(ends, [-one] * 2, [one] * 2, ROAD, shade) for one, shade in ((OUTER, 0.2), (INNER, 0.22))
    ]
    shapes += chart.axes()
    shapes.append(chart.line(ends, [0, 0], ROAD, 1))
    shapes.append(chart.line(xs, other, OTHER, 1.5, dashed=True))
    shapes.append(chart.line(xs, own, PATH, 2.5))
    for x, layer in zip(xs, layers, strict=True):
        title = f"{layer.name}: {layer.similarity.value:.3f}; usual {layer.similarity.band.usual:.3f}"
        radius = 5.5 if layer.stands_out else 3 if len(layers) <= 3 * _FEW else 2
        shapes.append(Dot(*chart.place(x, layer.similarity.deviations), radius, PATH, title=title))
    clean = f"clean images of '{label}'" if layers[0].similarity.band.of_class else "clean images"
    marks = (
        Mark("this image", PATH),
        Mark(f"9 of 10 {clean}", ROAD, 0.35),
        Mark(f"its likeness to '{explained.verdict.runner_up_label}'", OTHER, dashed=True),
    )
    return _with_legend(Scene(width, height, road_in_words(explained), tuple(shapes)), marks)


def _deviation_axis(values: Sequence[float]) -> Axis:
    """Return an axis that shows most of the values; the few that are farther away lie at its ends."""
    low, high = max(min(-3.0, min(values) - 0.4), -9.0), min(max(2.5, max(values) + 0.4), 6.0)
    ticks = [(float(at), f"{at:+d}" if at else "usual") for at in range(-8, 7, 2) if low <= at <= high]
    return Axis("standard deviations", low, high, ticks)


def road_in_words(explained: Explained) -> str:
    """Return where the path leaves the road, as a sentence."""
    out = [layer.name for layer in explained.layers if layer.stands_out]
    if not out:
        return "The path keeps to the road in every layer."
    named = ", ".join(out[:_NAMED]) + (f" and {len(out) - _NAMED} more" if len(out) > _NAMED else "")
    return f"The path leaves the road in {len(out)} of {len(explained.layers)} layers: {named}."


def known_chart(explained: Explained, width: float, height: float) -> Scene:
    """Return for each layer which of the two classes know the units of the path, as a stacked bar."""
    layers, verdict = explained.layers, explained.verdict
    chart = Chart(
        "Who knows the units of the path",
        "A class knows a unit that was on the path of any of its images",
        _layer_axis(layers, width, 0.5),
        Axis("share", 0, 1, [(0, "0%"), (0.5, "50%"), (1, "100%")]),
        width,
        height,
    )
    shapes, half = chart.axes(), 0.36 if len(layers) <= _FEW else 0.5
    for at, layer in enumerate(layers):
        shares, low = layer.known.to_dict(), 0.0
        for name, _, tone, shade in _KNOWN:
            high = low + shares[name]
            title = f"{layer.name}: {shares[name]:.0%}"
            shapes += [chart.bar(at - half, at + half, low, high, tone, shade, title)] if high > low else []
            low = high
        usual, (left, y) = layer.usually_known.usual, chart.place(at - half, layer.usually_known.usual)
        right, _ = chart.place(at + half, usual)
        shapes.append(Line([(left, y), (right, y)], TEXT, 2.5))
    names = {"predicted": f"'{verdict.label}'", "runner_up": f"'{verdict.runner_up_label}'"}
    marks = [Mark(words.format(**names), tone, shade) for _, words, tone, shade in _KNOWN]
    marks.append(Mark(f"usually known to '{verdict.label}'", TEXT))
    neither = max(layers, key=lambda layer: layer.known.by_neither)
    label = f"Neither class knows {neither.known.by_neither:.0%} of the path in layer {neither.name}."
    if neither.known.by_neither == 0:
        label = "One of the two classes or the other knows every unit of the path."
    return _with_legend(Scene(width, height, label, tuple(shapes)), marks)


def score_chart(explained: Explained, width: float, height: float) -> Scene:
    """Return the score against the threshold, on the scores of clean images."""
    verdict, (counts, edges) = explained.verdict, [part.tolist() for part in explained.histogram]
    top = max(*counts, 1)
    chart = Chart(
        "How unusual that is",
        f"Scores of the {len(explained.clean_scores)} clean images that set the threshold",
        Axis.around("score", edges, ".3g"),
        Axis.around("images", (0, top * 1.25), ".0f"),
        width,
        height,
    )
    gap = 0.1 * (edges[1] - edges[0])
    bars = [
        chart.bar(edges[at], edges[at + 1] - gap, 0, n, ROAD, 0.6, f"{n} images") for at, n in enumerate(counts) if n
    ]
    low, high = explained.uncertain
    doubt = chart.bar(low, high, 0, top * 1.25, SOFT, 0.15, "too near the threshold for a verdict")
    limit = chart.line([verdict.threshold] * 2, [0, top * 1.25], TEXT, 1.5, dashed=True)
    here = chart.line([verdict.score] * 2, [0, top * 1.08], PATH, 2.5)
    names = (
        _beside(chart, verdict.threshold, "threshold", TEXT, top * 1.17),
        _beside(chart, verdict.score, "this image", PATH, top * 1.03),
    )
    dot = Dot(*chart.place(verdict.score, top * 1.08), 4.5, PATH)
    shapes = (*chart.axes(), *bars, doubt, limit, here, dot, *names)
    return Scene(width, height, score_in_words(explained), shapes)


def _beside(chart: Chart, x: float, text: str, tone: Tone, y: float) -> Words:
    """Return text beside a line, on the side where there is more room."""
    across, down = chart.place(x, y)
    right = across + width_of(text, 12) + 10 < chart.width
    return Words(across + (8 if right else -8), down, text, tone, 12, "start" if right else "end", bold=True)


def _layer_axis(layers: Sequence[LayerPicture], width: float, beyond: float = 0.25) -> Axis:
    """Return the axis of layers: their names if these fit, else their numbers."""
    last = max(len(layers) - 1, 1)
    room = (width - 80) / (last + 1)
    named = len(layers) <= _FEW and all(width_of(layer.name, 11.5) < room for layer in layers)
    step = 1 if named else -(-len(layers) // _FEW)
    ticks = [(float(at), layers[at].name if named else str(at + 1)) for at in range(0, len(layers), step)]
    what = "layer" if named else "number of the layer"
    return Axis(f"{what}, from the input to the answer", -beyond, last + beyond, ticks)


def _with_legend(scene: Scene, marks: Sequence[Mark]) -> Scene:
    """Return a scene with what its colours say below it, in as many lines as that takes."""
    shapes: list[Shape] = []
    x, y = 0.0, scene.height + 12
    for mark in marks:
        text = shortened(mark.words, 12, scene.width - 26)
        end = x + 23 + width_of(text, 12)
        if x and end > scene.width:
            x, y, end = 0.0, y + 19, end - x
        if mark.shade:
            shapes.append(box(x, y - 10, 16, 12, mark.tone, mark.shade))
        else:
            shapes.append(Line([(x, y - 4), (x + 18, y - 4)], mark.tone, 2.5, mark.dashed))
        shapes.append(Words(x + 23, y, text, SOFT, 12))
        x = end + 14
    return replace(scene, height=y + 6, shapes=(*scene.shapes, *shapes))


def reasons(explained: Explained, width: float, most: int = 4) -> Scene:
    """Return what the layers say that move the score most, in words."""
    shapes: list[Shape] = [Words(0, 16, "Why, in words", size=15, bold=True)]
    y = 40.0
    for number, text in enumerate(explained.reasons[:most], 1):
        shapes.append(Words(0, y, f"{number}.", PATH, 13, bold=True))
        for line in wrapped(text, 13, width - 22):
            shapes.append(Words(20, y, line, TEXT, 13))
            y += 18
        y += 7
    return Scene(width, y, " ".join(explained.reasons[:most]), tuple(shapes))
