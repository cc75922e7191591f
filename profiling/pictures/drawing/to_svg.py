"""Write a scene as SVG: readable on its own, or inside a page; dark where the reader's screen is dark."""

from __future__ import annotations

import base64
from io import BytesIO

from markupsafe import Markup
from PIL import Image

from pathprint.profiling.pictures.drawing.scene import PAPER, TONES, Area, Bitmap, Dot, Line, Scene, Shape, Tone, Words
from pathprint.profiling.pictures.svg import element

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"


def svg_of(scene: Scene, on_paper: bool = False) -> Markup:
    """Return the scene as an SVG element.

    Args:
        on_paper: draw white paper below; else there is none, for pages that have ``STYLE`` and their own.
    """
    box = {"viewBox": f"0 0 {scene.width:g} {scene.height:g}", "width": f"{scene.width:g}"}
    names = {"role": "img", "aria_label": scene.label, "font_family": FONTS}
    paper = [element("rect", width="100%", height="100%", fill=PAPER.light)] if on_paper else []
    inside = (_element(shape) for shape in scene.shapes)
    return element("svg", element("title", scene.label), *paper, *inside, **box, height=f"{scene.height:g}", **names)


def file_of(scene: Scene) -> str:
    """Return the scene as an SVG file, with paper and with colours for light and dark screens."""
    paper = element("rect", width="100%", height="100%", fill="#ffffff", class_="area paper")
    drawn = str(svg_of(scene)).removeprefix("<svg ")
    start = drawn.index(">") + 1
    style = element("style", STYLE)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {drawn[:start]}{style}{paper}{drawn[start:]}\n'


def _style() -> Markup:
    dark = " ".join(
        f".area.{tone.name} {{ fill: {tone.dark} }} .line.{tone.name} {{ stroke: {tone.dark} }}" for tone in TONES
    )
    return Markup("@media (prefers-color-scheme: dark) {{ {} }}").format(Markup(dark))  # noqa: S704  # constants


STYLE = _style()
"""The colours on dark paper, as CSS."""


def _element(shape: Shape) -> Markup:
    if isinstance(shape, Area):
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        return element("polygon", *_title(shape.title), points=corners, **_fill(shape.tone), fill_opacity=shape.shade)
    if isinstance(shape, Line):
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        dashes = {"stroke_dasharray": "5 4"} if shape.dashed else {}
        return element("polyline", points=corners, **_stroke(shape.tone, shape.width), **dashes)
    if isinstance(shape, Dot):
        place = {"cx": f"{shape.x:.1f}", "cy": f"{shape.y:.1f}", "r": f"{shape.radius:g}"}
        tone = _stroke(shape.tone, 2) if shape.hollow else _fill(shape.tone)
        return element("circle", *_title(shape.title), **place, **tone)
    if isinstance(shape, Words):
        return _words(shape)
    return _image(shape)


def _words(shape: Words) -> Markup:
    place = {"x": f"{shape.x:.1f}", "y": f"{shape.y:.1f}", "font_size": f"{shape.size:g}", "text_anchor": shape.anchor}
    weight = {"font_weight": "600"} if shape.bold else {}
    return element("text", shape.text, **place, **weight, **_fill(shape.tone))


def _image(shape: Bitmap) -> Markup:
    file = BytesIO()
    Image.fromarray(shape.colours).save(file, "PNG", optimize=True)
    place = {name: f"{getattr(shape, name):.1f}" for name in ("x", "y", "width", "height")}
    style = {"style": "image-rendering: pixelated"} if shape.is_coarse else {}
    address = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return element("image", *_title(shape.title), **place, **style, preserveAspectRatio="none", href=address)


def _title(text: str) -> list[Markup]:
    return [element("title", text)] if text else []


def _fill(tone: Tone) -> dict[str, object]:
    return {"fill": tone.light, "class_": f"area {tone.name}"}


def _stroke(tone: Tone, width: float) -> dict[str, object]:
    round_ends = {"stroke_linejoin": "round", "stroke_linecap": "round"}
    return {
        "fill": "none",
        "stroke": tone.light,
        "stroke_width": f"{width:g}",
        "class_": f"line {tone.name}",
        **round_ends,
    }
