"""The section with pictures of typical images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from markupsafe import Markup
from PIL import Image

from pathprint.profiling.evaluation.figures import Report, TypicalImage
from pathprint.profiling.evaluation.report.rendering import section
from pathprint.profiling.pictures.drawing import images, panels
from pathprint.profiling.pictures.drawing.scene import Colours
from pathprint.profiling.pictures.drawing.to_svg import STYLE, svg_of

_LARGEST = 160
"""Pixels of the longer side of an image in the report, which would else become large."""


def typical(report: Report) -> Markup:
    """Return the section with one image that was found, one that was missed, and a false alarm."""
    return section("typical", typical=[_drawn(one) for one in report.typical], style=STYLE)


def _drawn(one: TypicalImage) -> dict[str, object]:
    tiles = [replace(tile, colours=_smaller(tile.colours)) for tile in images.tiles_of(one.explained)]
    chart = panels.layer_chart(one.explained, 520, 270)
    said = f"{panels.score_in_words(one.explained)} {panels.road_in_words(one.explained)}"
    return {"what": one.what, "drawings": [svg_of(images.row_of(tiles, 900, 5)), svg_of(chart)], "said": said}


def _smaller(colours: Colours) -> Colours:
    image = Image.fromarray(colours)
    if max(image.size) > _LARGEST:
        image.thumbnail((_LARGEST, _LARGEST), Image.Resampling.BOX)
    return np.asarray(image)
