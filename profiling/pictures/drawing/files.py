"""Drawings as files: what the name ends in says which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.pictures.drawing.page import page
from pathprint.profiling.pictures.drawing.poster import pair_poster, poster
from pathprint.profiling.pictures.drawing.scene import Scene
from pathprint.profiling.pictures.drawing.to_png import png_of
from pathprint.profiling.pictures.drawing.to_svg import file_of
from pathprint.profiling.pictures.endings import check_ending
from pathprint.profiling.pictures.explained import Explained
from pathprint.profiling.writing.whole import whole_file

_FORMS: dict[str, Callable[[Scene], bytes]] = {".png": png_of, ".svg": lambda scene: file_of(scene).encode()}


def write_drawing(file: Path, explained: Explained, attacked: Explained | None = None) -> None:
    """Draw what is behind a verdict, and beside it what is behind that on an attacked copy of the image.

    Raises:
        OptionsError: the file's name does not end in ``.png``, ``.svg`` or ``.html``, or the images are of different
            networks.
        OutputError: the file cannot be written.
    """
    ending = check_ending(file)
    if attacked is not None and attacked.pixels.shape != explained.pixels.shape:
        raise OptionsError("the image and its attacked copy were examined by different networks; take one bundle.")
    if ending == ".html":
        drawn = page(explained, attacked).encode()
    else:
        scene = poster(explained) if attacked is None else pair_poster(explained, attacked)
        drawn = _FORMS[ending](scene)
    with whole_file(file) as partial:
        partial.write_bytes(drawn)
