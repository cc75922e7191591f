"""SVG elements; text that is not ``Markup`` already is escaped when it enters a picture.

Colours are written as attributes, for pictures on their own, and as classes, with which the page's style sheet
changes them for dark screens. Dashes, shapes or words repeat whatever a colour says.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Ink:
    """How a line or area is drawn; ``name`` becomes its class in the style sheet."""

    name: str
    colour: str
    dash: str = "none"

    def stroke(self, width: float = 2) -> dict[str, object]:
        """Return the attributes of a line."""
        kind = f"line {self.name}"
        return {
            "fill": "none",
            "stroke": self.colour,
            "stroke_width": width,
            "stroke_dasharray": self.dash,
            "class_": kind,
        }

    def fill(self, opacity: float = 1) -> dict[str, object]:
        """Return the attributes of an area."""
        return {"fill": self.colour, "fill_opacity": opacity, "class_": f"area {self.name}"}


# Colour-blind readers can tell these colours apart.
BLUE, RED = Ink("blue", "#0072b2"), Ink("red", "#d55e00", "6 4")
GREEN, PINK = Ink("green", "#009e73", "2 3"), Ink("pink", "#cc79a7", "8 3 2 3")
INKS = (BLUE, RED, GREEN, PINK)
DARK, GREY, FAINT = Ink("dark", "#333333"), Ink("grey", "#555555", "3 3"), Ink("faint", "#dddddd")


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """Return an element; ``stroke_width`` is the attribute ``stroke-width``, ``class_`` is ``class``."""
    pairs = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    named = Markup().join(Markup(' {}="{}"').format(name, str(value)) for name, value in pairs)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, named, Markup().join(children))


def words(x: float, y: float, text: str, anchor: str, ink: Ink = DARK, **style: object) -> Markup:
    """Return a line of text."""
    return element("text", text, x=f"{x:g}", y=f"{y:g}", text_anchor=anchor, **(ink.fill() | style))


def moved(x: float, y: float, *parts: Markup) -> Markup:
    """Return parts moved so that their origin lies at ``x``, ``y``."""
    return element("g", *parts, transform=f"translate({x:g} {y:g})")


def picture(width: float, height: float, label: str, *parts: Markup) -> Markup:
    """Return a picture; screen readers read ``label``."""
    box = {"viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}", "font_family": "sans-serif", "font_size": 12}
    return element("svg", element("title", label), *parts, role="img", aria_label=label, **box)
