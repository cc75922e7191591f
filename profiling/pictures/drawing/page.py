"""A page on one verdict: a single file that loads nothing, light or dark as the reader's screen is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pathprint.profiling.pictures.drawing import images, panels
from pathprint.profiling.pictures.drawing.poster import pair_tiles
from pathprint.profiling.pictures.drawing.to_svg import FONTS, STYLE, svg_of
from pathprint.profiling.pictures.explained import Explained

_WIDTH = 450.0
_TILES = 1000.0


@dataclass(frozen=True, slots=True)
class Case:
    """One image on the page: its name, what is behind its verdict, and drawings with the sentence that each shows."""

    name: str
    explained: Explained
    drawings: tuple[tuple[str, Markup], ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is said first."""
        return (panels.score_in_words(self.explained), panels.road_in_words(self.explained))


def page(explained: Explained, attacked: Explained | None = None) -> str:
    """Return a page on the verdict on an image, and on that on an attacked copy of it."""
    if attacked is None:
        tiles, cases = images.tiles_of(explained), [_case("", explained)]
    else:
        tiles = pair_tiles(explained, attacked)
        cases = [_case("the original", explained), _case("the attacked copy", attacked)]
    row = svg_of(images.row_of(tiles, _TILES, 5))
    template = _environment().get_template("page.html.jinja")
    return template.render(cases=cases, tiles=row, style=STYLE, fonts=Markup(FONTS))  # noqa: S704  # constants


def _case(name: str, explained: Explained) -> Case:
    scenes = (
        panels.layer_chart(explained, _WIDTH, 310),
        panels.known_chart(explained, _WIDTH, 230),
        panels.score_chart(explained, _WIDTH, 290),
    )
    return Case(name, explained, tuple((scene.label, svg_of(scene)) for scene in scenes))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
