"""Draw docs/idea.svg: ``python docs/draw_idea.py``.

The digits are a test image and the image that PGD (Linf, 0.1) made of it against ``digits-cnn``; the
shares are what a detector of that network measured. The network itself is a sketch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

TARGET = Path(__file__).with_name("idea.svg")
LAYERS = (11, 10, 9, 7, 5)
"""Units in each column of the sketch; the last one holds the answers."""
COLUMNS, ROWS = (236, 312, 388, 464, 540), (184, 452)
USUAL = "clean images of '9': 94 ± 8 %"


@dataclass(frozen=True)
class Example:
    """One image and what happens to it.

    Attributes:
        pixels: grey levels, eight rows of eight.
        path: the units of its path in each column.
        known: those of them that the answered class usually has.
        shares: what the detector measured of each layer, as shown below it.
    """

    caption: str
    pixels: str
    answer: str
    path: tuple[tuple[int, ...], ...]
    known: tuple[tuple[int, ...], ...]
    shares: tuple[str, ...]
    verdict: str
    reason: tuple[str, ...]


CLEAN_PATH = ((1, 2, 4, 5, 7, 9), (2, 3, 5, 6, 8), (2, 3, 5, 6), (1, 3, 4), (1,))
BENT_PATH = ((0, 2, 3, 6, 8, 10), (0, 3, 4, 7, 9), (0, 2, 4, 6, 7), (2, 4, 5), (3,))
EXAMPLES = (
    Example(
        "a clean image",
        "00009fffcf300000 000060efbfcf0000 0000006060ff0000 0000000030ff1000 "
        "0000000070df0000 00000000cf800000 000040efffcf8050 000060ff9f8fbfef",
        "2",
        CLEAN_PATH,
        ((1, 2, 4, 5, 7), *CLEAN_PATH[1:]),
        ("91 %", "100 %", "100 %", "100 %"),
        "benign",
        ("Class '2' knows nearly", "all of this path."),
    ),
    Example(
        "attacked (PGD, ±0.1)",
        "1a1ab9e7b6461a1a 1a1a76ffd9e91a1a 1a1a1a7a7aff0000 0000000016e60000 "
        "1a1a1a1a61f91a1a 1a1a1a1ab69a1a1a 001a5ad6ffe96737 001a46e68676a6d6",
        "9",
        BENT_PATH,
        ((2, 6, 8), (4,), (2, 6), (2, 4, 5), (3,)),
        ("54 %", "20 %", "43 %", "100 %"),
        "adversarial",
        ("Of the path in the second layer,", "class '9' knows only 20 %", f"({USUAL})."),
    ),
)
STYLE = """
text { font-family: system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; }
text { fill: #1f2733; font-size: 14px; }
.page { fill: #ffffff; } .step { font-size: 15px; font-weight: 650; } .note { fill: #56616f; font-size: 12.5px; }
.middle { text-anchor: middle; } .verdict { font-size: 19px; font-weight: 700; }
.unit { fill: #e6e9ee; stroke: #b9c1cb; } .edge { stroke: #2367bd; stroke-opacity: .45; stroke-width: 1.3; }
.on { fill: #2367bd; stroke: #2367bd; } .known { fill: #1d8a55; stroke: #1d8a55; }
.unknown { fill: #ffffff; stroke: #cf3a2b; stroke-width: 2.6; }
.good { fill: #167246; } .bad { fill: #c0301f; } .frame { fill: none; stroke: #b9c1cb; } .flow { fill: #8d97a4; }
@media (prefers-color-scheme: dark) {
text { fill: #e8ecf2; } .page { fill: #14191f; } .note { fill: #a9b4c0; }
.unit { fill: #2a323d; stroke: #4b5664; } .edge { stroke: #6fabf2; }
.on { fill: #6fabf2; stroke: #6fabf2; } .known { fill: #43bd82; stroke: #43bd82; }
.unknown { fill: #14191f; stroke: #ff7c6b; } .good { fill: #58cf95; } .bad { fill: #ff8b7b; }
.frame { stroke: #4b5664; } .flow { fill: #717c89; }
}"""


def drawing() -> str:
    """Return the picture as SVG."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1180 612" role="img" aria-labelledby="t">',
        '<title id="t">A clean image of a 2 takes the path that images of a 2 usually take; an attacked one, answered '
        "9, takes a path that images of a 9 hardly ever take, and is flagged.</title>",
        f"<style>{STYLE}\n</style>",
        '<rect class="page" width="1180" height="612" rx="14"/>',
        *heads(),
        '<line class="frame" x1="40" y1="336" x2="1140" y2="336"/>',
        *(line for example, y in zip(EXAMPLES, ROWS, strict=True) for line in row(example, y)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def heads() -> Iterator[str]:
    """Yield what each of the four steps is."""
    steps = (
        (100, "1  An image", "is classified once."),
        (388, "2  Its effective path", "Which few units made the answer?"),
        (740, "3  The answered class's signature", "Do its clean images usually take this path?"),
        (1032, "4  The verdict", "with the reason."),
    )
    for x, step, note in steps:
        yield text("step middle", x, 38, step)
        yield text("note middle", x, 58, note)


def row(example: Example, y: float) -> Iterator[str]:
    """Yield one image on its way to the verdict."""
    yield from image(example.pixels, 48, y - 52)
    yield text("note middle", 100, y + 76, example.caption)
    yield from flow(172, y)
    yield from network(example, y)
    yield text("middle", 574, y + 5, f"'{example.answer}'")
    yield from flow(598, y)
    yield from comparison(example, y)
    yield from flow(896, y)
    colour = "good" if example.verdict == "benign" else "bad"
    yield text(f"verdict {colour}", 932, y - 14, example.verdict)
    for number, line in enumerate(example.reason):
        yield text("", 932, y + 11 + 20 * number, line)


def image(pixels: str, left: float, top: float) -> Iterator[str]:
    """Yield an image as squares."""
    levels = pixels.replace(" ", "")
    for number in range(64):
        level = levels[2 * number : 2 * number + 2]
        x, y = left + 13 * (number % 8), top + 13 * (number // 8)
        yield f'<rect x="{x:g}" y="{y:g}" width="13.2" height="13.2" fill="#{level * 3}"/>'
    yield f'<rect class="frame" x="{left:g}" y="{top:g}" width="104" height="104"/>'


def network(example: Example, y: float) -> Iterator[str]:
    """Yield the network with the units of the path, and who was chosen by whom."""
    for (x, units), (to_x, later) in pairwise(zip(COLUMNS, example.path, strict=True)):
        for unit in units:
            for other in later:
                if (unit + other) % 2 or len(later) == 1:
                    yield line(x, height(x, unit, y), to_x, height(to_x, other, y))
    for x, size, path in zip(COLUMNS, LAYERS, example.path, strict=True):
        for unit in range(size):
            yield circle("on" if unit in path else "unit", x, height(x, unit, y), 5.5)


def comparison(example: Example, y: float) -> Iterator[str]:
    """Yield the path alone, by whether the class knows its units, and the share of each layer that it knows."""
    columns = (644, 708, 772, 836)
    for x, column, path, known in zip(columns, COLUMNS, example.path, example.known, strict=False):
        for unit in path:
            yield circle("known" if unit in known else "unknown", x, height(column, unit, y), 6.5)
    for x, share in zip(columns, example.shares, strict=True):
        yield text("middle", x, y + 110, share)
    yield text("note middle", 740, y + 132, f"of the path in each layer is known to class '{example.answer}'")


def height(x: float, unit: int, y: float) -> float:
    """Return where a unit of the column at ``x`` stands."""
    size = LAYERS[COLUMNS.index(int(x))]
    return y + 17 * (unit - (size - 1) / 2)


def circle(kind: str, x: float, y: float, radius: float) -> str:
    """Return a unit."""
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>'


def line(x: float, y: float, to_x: float, to_y: float) -> str:
    """Return a connection of two units."""
    return f'<line class="edge" x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}"/>'


def flow(x: float, y: float) -> Iterator[str]:
    """Yield an arrow to the next step."""
    yield f'<path class="flow" d="M{x:g} {y - 3:g}h16v-5l11 8l-11 8v-5h-16z"/>'


def text(kind: str, x: float, y: float, words: str) -> str:
    """Return a line of text."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


if __name__ == "__main__":
    TARGET.write_text(drawing(), encoding="utf-8")
