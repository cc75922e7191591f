"""One drawing of a whole verdict, or of an image beside its attacked copy, for a file."""

from __future__ import annotations

from collections.abc import Iterable

from pathprint.profiling.pictures.drawing import images, panels
from pathprint.profiling.pictures.drawing.scene import Scene, Shape, moved
from pathprint.profiling.pictures.explained import Explained

WIDTH = 1000.0
_MARGIN, _GAP = 28.0, 30.0
_INSIDE = WIDTH - 2 * _MARGIN
_HALF = (_INSIDE - _GAP) / 2
Row = tuple[Scene, ...]


def poster(explained: Explained) -> Scene:
    """Return the drawing of one verdict."""
    wide, narrow = 0.58 * (_INSIDE - _GAP), 0.42 * (_INSIDE - _GAP)
    tiles = images.tiles_of(explained)
    return _stacked(
        [
            (panels.heading(explained, _INSIDE),),
            (images.row_of(tiles, _INSIDE, 5),),
            (panels.layer_chart(explained, wide, 300), panels.score_chart(explained, narrow, 322)),
            (panels.known_chart(explained, wide, 230), panels.reasons(explained, narrow)),
        ]
    )


def pair_poster(original: Explained, changed: Explained) -> Scene:
    """Return the drawing of an image beside an attacked copy of it."""
    both = (original, changed)
    return _stacked(
        [
            (panels.heading(original, _HALF, "the original"), panels.heading(changed, _HALF, "the attacked copy")),
            (images.row_of(pair_tiles(original, changed), _INSIDE, 5),),
            tuple(panels.layer_chart(one, _HALF, 280) for one in both),
            tuple(panels.known_chart(one, _HALF, 220) for one in both),
            (panels.score_chart(changed, _HALF, 250), panels.reasons(changed, _HALF, 3)),
        ]
    )


def pair_tiles(original: Explained, changed: Explained) -> list[images.Tile]:
    """Return both images, what was changed, amplified, and the pixels on both paths."""
    colours, factor = images.amplified(changed.pixels, original.pixels)
    largest = float((changed.pixels - original.pixels).abs().max())
    said = f"{factor:.3g} times as strong; at most {255 * largest:.3g}/255 in truth"
    found = [
        images.Tile("The original", f"answered '{original.verdict.label}'", images.photo(original.pixels)),
        images.Tile("The attacked copy", f"answered '{changed.verdict.label}'", images.photo(changed.pixels)),
        images.Tile("What was changed", said, colours),
    ]
    for name, one in (("original", original), ("attacked copy", changed)):
        if one.input_units is not None:
            said = f"of the {name}; {one.input_units.mean():.0%} of the input"
            found.append(images.Tile("Pixels on the path", said, images.marked(one.pixels, one.input_units.mean(0))))
    return found


def _stacked(rows: Iterable[Row]) -> Scene:
    """Return rows of scenes, one below the other."""
    shapes: list[Shape] = []
    label, y = "", _MARGIN
    for row in rows:
        x = _MARGIN
        for scene in row:
            shapes += moved(scene.shapes, x, y)
            x += scene.width + _GAP
        label = label or row[-1].label
        y += max(scene.height for scene in row) + _GAP
    return Scene(WIDTH, y - _GAP + _MARGIN, label, tuple(shapes))
