"""Draw docs/architecture.svg from the real imports: ``python docs/draw_architecture.py``.

A room is a package directly below ``models``, ``profiling`` or ``app``; a plain file there is a small box.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from xml.sax.saxutils import escape

import grimp
import networkx as nx

SOURCES = Path(__file__).parents[1] / "src" / "pathprint"
TARGET = Path(__file__).with_name("architecture.svg")
WEIGHTS = {
    "runtime": ("models", "app", "paths", "signatures", "features", "detection", "pictures"),
    "jobs": ("jobs", "inspection", "cli"),
    "laboratory": ("attacks", "evaluation", "studies"),
    "ground": ("arrays", "errors", "processors", "threads", "writing", "progress", "compiled", "data"),
}
MEANING = {
    "runtime": "what a service loads to detect",
    "jobs": "what an operator runs",
    "laboratory": "what the figures rest on",
    "ground": "what all of them stand on",
}
PART_X = {"models": (24, 520), "app": (24, 520), "profiling": (572, 1236)}
COLUMN = {"runtime": 688, "ground": 904, "jobs": 904, "laboratory": 1120}
WIDTH, TOP, ROOM, CHANNEL = 1260, 60, (204, 62), 30


@dataclass(frozen=True)
class Box:
    """A room or a file of the house; x and y are those of its upper left corner."""

    part: str
    name: str
    weight: str
    about: str
    floor: int
    friends: int
    x: float = 0
    y: float = 0

    @property
    def width(self) -> float:
        return ROOM[0] if self.about else 24 + 8.6 * len(self.name)

    @property
    def height(self) -> int:
        return ROOM[1] if self.about else 30

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


Boxes = dict[str, Box]
Arrow = tuple[str, str]
Point = tuple[float, float]


def imports() -> nx.DiGraph:
    """Return which box imports which, by names like ``profiling.paths``."""
    modules = grimp.build_graph("pathprint", cache_dir=None)
    found = nx.DiGraph()
    for module in sorted(modules.modules):
        for imported in sorted(modules.find_modules_directly_imported_by(module)):
            above, below = (".".join(name.split(".")[1:3]) for name in (module, imported))
            if above != below and "." in above and "." in below:
                found.add_edge(above, below)
    return found


def circles(graph: nx.DiGraph) -> list[set[str]]:
    """Return the sets of boxes that import one another."""
    return [found for found in nx.strongly_connected_components(graph) if len(found) > 1]


def floors(graph: nx.DiGraph) -> dict[str, int]:
    """Return a floor for each box, so that imports run downwards; boxes that import one another share one."""
    groups = nx.condensation(graph)
    heights: dict[int, int] = {}
    for group in reversed(list(nx.topological_sort(groups))):
        heights[group] = 1 + max((heights[below] for below in groups.successors(group)), default=-1)
    found = {name: heights[group] for group in groups for name in groups.nodes[group]["members"]}
    for name in graph:  # what needs nothing of its own part stands right under those who need it
        if not any(below.split(".")[0] == name.split(".")[0] for below in graph.successors(name)):
            found[name] = min((found[above] for above in graph.predecessors(name)), default=found[name] + 1) - 1
    return found


def arrows(graph: nx.DiGraph) -> list[Arrow]:
    """Return the imports that no longer way implies, sorted; none between boxes that import one another."""
    groups = nx.condensation(graph)
    members = {group: sorted(groups.nodes[group]["members"]) for group in groups}
    return sorted(
        next((first, second) for first in members[above] for second in members[below] if graph.has_edge(first, second))
        for above, below in nx.transitive_reduction(groups).edges
    )


def weight_of(name: str) -> str:
    """Return in which of the parts of different weight a box is, or that it is ground.

    Raises:
        SystemExit: ``WEIGHTS`` does not say.
    """
    for weight, members in WEIGHTS.items():
        if not set(name.split(".")).isdisjoint(members):
            return weight
    raise SystemExit(f"{name} is new: enter it in WEIGHTS of docs/draw_architecture.py, then draw again.")


def about(name: str) -> str:
    """Return the first line of a room's docstring; empty for a file."""
    package = SOURCES.joinpath(*name.split("."), "__init__.py")
    if not package.is_file():
        return ""
    docstring = ast.get_docstring(ast.parse(package.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n")[0].replace("`", "").split(" (docs/")[0]


def placed(graph: nx.DiGraph) -> Boxes:
    """Return all boxes at their places."""
    friends = {name: len(circle) for circle in circles(graph) for name in circle}
    boxes = {
        name: Box(*name.split(".", 1), weight_of(name), about(name), floor, friends.get(name, 1))
        for name, floor in sorted(floors(graph).items())
    }
    count = max(box.floor for box in boxes.values()) + 1
    heights = [max(box.height for box in boxes.values() if box.floor == floor) for floor in range(count)]
    found: Boxes = {}

    def pull(name: str) -> float:
        above = [found[one].middle for one in graph.predecessors(name) if one in found]
        return sum(above) / max(len(above), 1)

    for floor, height in reversed(list(enumerate(heights))):
        centre = TOP + sum(above + CHANNEL for above in heights[floor + 1 :]) + height / 2
        for part, sides in PART_X.items():
            row = [name for name, box in boxes.items() if (box.part, box.floor) == (part, floor)]
            row.sort(key=lambda name: (COLUMN[boxes[name].weight], -boxes[name].friends, pull(name), name))
            for name, x in spread({name: boxes[name] for name in row}, *sides):
                found[name] = replace(boxes[name], x=x, y=centre - boxes[name].height / 2)
    return found


def spread(row: Boxes, left: float, right: float) -> Iterator[tuple[str, float]]:
    """Yield the left edges of boxes on one floor: in their columns, or evenly spread where they would collide."""
    columns = [COLUMN[box.weight] for box in row.values()]
    if left > WIDTH / 3 and len(set(columns)) == len(columns):
        yield from ((name, COLUMN[box.weight] - box.width / 2) for name, box in row.items())
        return
    gap = (right - left - sum(box.width for box in row.values())) / (len(row) + 1)
    x = left
    for name, box in row.items():
        yield name, x + gap
        x += gap + box.width


def routes(boxes: Boxes, wanted: list[Arrow]) -> dict[Arrow, list[Point]]:
    """Return the points through which each arrow goes: from box to box, and past the floors between."""
    lanes: dict[Arrow, float] = {}
    for arrow in sorted(wanted, key=lambda arrow: boxes[arrow[1]].floor - boxes[arrow[0]].floor):
        if boxes[arrow[0]].floor - boxes[arrow[1]].floor > 1:
            lanes[arrow] = lane(boxes, arrow, lanes)
    found = {}
    for arrow in wanted:
        above, below = (boxes[name] for name in arrow)
        start = port(boxes, lanes, [one for one in wanted if one[0] == arrow[0]], arrow, 0)
        end = port(boxes, lanes, [one for one in wanted if one[1] == arrow[1]], arrow, 1)
        past = [box for box in boxes.values() if below.floor < box.floor < above.floor]
        ends = (min(box.y for box in past), max(box.bottom for box in past)) if arrow in lanes else ()
        found[arrow] = [(start, above.bottom), *((lanes[arrow], y) for y in ends), (end, below.y - 5)]
    return found


def lane(boxes: Boxes, arrow: Arrow, taken: dict[Arrow, float]) -> float:
    """Return an x at which an arrow passes all floors between its ends without touching a box."""
    above, below = (boxes[name] for name in arrow)
    passed = [box for box in boxes.values() if below.floor < box.floor < above.floor]
    barred = [(box.x - 9, box.x + box.width + 9) for box in passed] + [(x - 12, x + 12) for x in taken.values()]
    barred += [PART_X[box.part] for box in passed if box.part not in (above.part, below.part)]
    free = [x for x in range(8, WIDTH - 8, 4) if not any(left < x < right for left, right in barred)]
    detour = {x: (abs(x - above.middle) + abs(x - below.middle), abs(x - below.middle)) for x in free}
    return min(free, key=lambda x: detour[x], default=WIDTH - 4)


def port(boxes: Boxes, lanes: dict[Arrow, float], sharing: list[Arrow], arrow: Arrow, end: int) -> float:
    """Return the x at which an arrow leaves (``end`` 0) or meets (1) a box, side by side with others there."""
    box = boxes[arrow[end]]
    order = sorted(sharing, key=lambda one: (lanes.get(one, boxes[one[1 - end]].middle), one))
    return box.x + box.width * (order.index(arrow) + 1) / (len(order) + 1)


STYLE = """
text { font-family: system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2733; }
.page { fill: #ffffff; } .panel { fill: #f3f5f8; } .circle { fill: none; stroke: #8a94a3; stroke-dasharray: 3 4; }
.head, .part, .name { font-size: 13.5px; font-weight: 650; } .head { font-size: 22px; } .part { font-size: 15px; }
.part, .note { fill: #4b5664; } .note { font-size: 12.5px; } .small { font-size: 10.4px; fill: #3d4856; }
.box, .tip { fill: currentColor; } .box, .way { stroke: currentColor; stroke-width: 1.4; }
.box { fill-opacity: .15; } .way { fill: none; }
.runtime { color: #2367bd; } .jobs { color: #b4740a; } .laboratory { color: #7047c9; } .ground { color: #657080; }
@media (prefers-color-scheme: dark) {
text { fill: #e8ecf2; } .page { fill: #14191f; } .panel { fill: #1c232c; }
.part, .note { fill: #a9b4c0; } .small { fill: #c6ced8; }
.runtime { color: #6fabf2; } .jobs { color: #e5ac4c; } .laboratory { color: #ac90f2; } .ground { color: #9aa5b2; }
}"""


def drawing() -> str:
    """Return the picture as SVG: equal imports give equal bytes."""
    graph = imports()
    boxes = placed(graph)
    height = max(box.bottom for box in boxes.values()) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="t">',
        '<title id="t">The rooms of Pathprint and who imports whom</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height:g}" rx="14"/>',
        *heading(),
        *(line for part in PART_X for line in panel(part, [box for box in boxes.values() if box.part == part])),
        *sorted(outline([boxes[name] for name in circle]) for circle in circles(graph)),
        *(
            line
            for arrow, points in routes(boxes, arrows(graph)).items()
            for line in way(boxes[arrow[0]].weight, points)
        ),
        *(line for box in boxes.values() for line in room(box)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def heading() -> Iterator[str]:
    """Yield the title and what colours and arrows mean."""
    yield text("head", 24, 46, "The rooms of Pathprint")
    yield text("note", 24, 74, "An arrow points from a room to one that it imports;")
    yield text("note", 24, 92, "it is left out where a longer way implies it.")
    for number, (weight, meaning) in enumerate(MEANING.items()):
        y = 124 + 25 * number
        yield f'<rect class="box {weight}" x="24" y="{y - 12}" width="22" height="16" rx="4"/>'
        yield text("note", 56, y, f"{weight}: {meaning}")
    yield f'<rect class="circle" x="24" y="{y + 13}" width="22" height="16" rx="4"/>'
    yield text("note", 56, y + 25, "boxes that import one another")


def panel(part: str, boxes: list[Box]) -> Iterator[str]:
    """Yield the ground on which the boxes of one part stand."""
    left, right = PART_X[part]
    top, bottom = min(box.y for box in boxes) - 36, max(box.bottom for box in boxes) + 16
    yield f'<rect class="panel" x="{left}" y="{top:g}" width="{right - left}" height="{bottom - top:g}" rx="12"/>'
    yield text("part", left + 14, top + 23, f"{part}/")


def outline(boxes: list[Box]) -> str:
    """Return a line around boxes that import one another."""
    left, top = min(box.x for box in boxes) - 7, min(box.y for box in boxes) - 7
    right, bottom = max(box.x + box.width for box in boxes) + 7, max(box.bottom for box in boxes) + 7
    return f'<rect class="circle" x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" rx="12"/>'


def way(weight: str, points: list[Point]) -> Iterator[str]:
    """Yield an arrow through points: straight down past floors, in a curve between them."""
    steps = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (y + to_y) / 2
        steps.append(f"L{to_x:g} {to_y:g}" if x == to_x else f"C{x:g} {half:g} {to_x:g} {half:g} {to_x:g} {to_y:g}")
    x, y = points[-1]
    yield f'<path class="way {weight}" d="{"".join(steps)}"/>'
    yield f'<path class="tip {weight}" d="M{x - 4:g} {y - 3:g}h8l-4 8z"/>'


def room(box: Box) -> Iterator[str]:
    """Yield one box with its name, and with what it is for if it is a room."""
    place = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height}"'
    yield f'<rect class="box {box.weight}" {place} rx="8"/>'
    yield text("name", box.x + 11, box.y + (18 if box.about else 20), box.name)
    for number, line in enumerate(wrap(box.about, 33, max_lines=3, placeholder=" …")):
        yield text("small", box.x + 11, box.y + 32 + 12 * number, line)


def text(kind: str, x: float, y: float, words: str) -> str:
    """Return a line of text."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


if __name__ == "__main__":
    TARGET.write_text(drawing(), encoding="utf-8")
