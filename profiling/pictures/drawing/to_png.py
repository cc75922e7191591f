"""Write a scene as PNG, with Pillow: no browser and no system library is needed."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from math import hypot

from PIL import Image, ImageColor, ImageDraw

from pathprint.profiling.pictures.drawing.letters import font, writable
from pathprint.profiling.pictures.drawing.scene import PAPER, Area, Bitmap, Dot, Line, Point, Scene, Shape, Words

_SCALE = 2
"""Pixels of the file per unit."""
_FINER = 2
"""Pixels of the drawing per pixel of the file, so that edges come out smooth."""
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
_DASH, _GAP = 5.0, 4.0


def png_of(scene: Scene) -> bytes:
    """Return the scene as a PNG file, on light paper."""
    scale = _SCALE * _FINER
    image = Image.new("RGB", (round(scene.width * scale), round(scene.height * scale)), PAPER.light)
    for shape in scene.shapes:
        _draw(image, shape, scale)
    written = BytesIO()
    image.reduce(_FINER).save(written, "PNG")
    return written.getvalue()


def _draw(image: Image.Image, shape: Shape, scale: int) -> None:
    draw = ImageDraw.Draw(image, "RGBA")
    if isinstance(shape, Area):
        fill = (*ImageColor.getrgb(shape.tone.light)[:3], round(255 * shape.shade))
        draw.polygon([(x * scale, y * scale) for x, y in shape.points], fill=fill)
    elif isinstance(shape, Line):
        for part in _dashes(shape.points) if shape.dashed else [list(shape.points)]:
            draw.line(
                [(x * scale, y * scale) for x, y in part], shape.tone.light, round(shape.width * scale), joint="curve"
            )
    elif isinstance(shape, Dot):
        ring = {"outline": shape.tone.light, "width": 2 * scale} if shape.hollow else {"fill": shape.tone.light}
        draw.circle((shape.x * scale, shape.y * scale), shape.radius * scale, **ring)
    elif isinstance(shape, Words):
        letters = font(shape.size * scale, shape.bold)
        place = (shape.x * scale, shape.y * scale)
        draw.text(place, writable(shape.text, letters), shape.tone.light, letters, anchor=_ANCHORS[shape.anchor])
    else:
        _paste(image, shape, scale)


def _paste(image: Image.Image, shape: Bitmap, scale: int) -> None:
    size = (max(1, round(shape.width * scale)), max(1, round(shape.height * scale)))
    how = Image.Resampling.NEAREST if shape.is_coarse else Image.Resampling.BILINEAR
    image.paste(Image.fromarray(shape.colours).resize(size, how), (round(shape.x * scale), round(shape.y * scale)))


def _dashes(points: Sequence[Point]) -> list[list[Point]]:
    """Return a dashed line as short lines."""
    found: list[list[Point]] = []
    for (x, y), (to_x, to_y) in pairwise(points):
        length = hypot(to_x - x, to_y - y)
        at = 0.0
        while at < length:
            ends = [share / length for share in (at, min(at + _DASH, length))]
            found.append([(x + end * (to_x - x), y + end * (to_y - y)) for end in ends])
            at += _DASH + _GAP
    return found
