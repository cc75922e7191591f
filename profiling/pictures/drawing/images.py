"""Pictures of an image: what the network saw, which pixels are on the path, and where the path usually lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from pathprint.models.preprocessing import to_image
from pathprint.profiling.pictures.drawing.letters import shortened, wrapped
from pathprint.profiling.pictures.drawing.scene import (
    PATH,
    ROAD,
    RULE,
    SOFT,
    Bitmap,
    Colours,
    Line,
    Scene,
    Shape,
    Tone,
    Words,
)
from pathprint.profiling.pictures.explained import Explained


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One picture with a title above and a few words below."""

    title: str
    below: str
    colours: Colours


def tiles_of(explained: Explained) -> list[Tile]:
    """Return the pictures of one image; those that there is no data for are left out."""
    verdict = explained.verdict
    found = [Tile("What the network saw", f"answered '{verdict.label}'", photo(explained.pixels))]
    units = explained.input_units
    if units is not None:
        said = f"{units.mean():.0%} of the input carried the answer"
        found.append(Tile("Pixels on the path", said, marked(explained.pixels, units.mean(0))))
    if explained.places is not None:
        on, usual, runner_up = explained.places
        most, often = float(on.max()), float(max(usual.max(), runner_up.max()))
        where = f"layer {explained.first}: up to"
        found += [
            Tile("Path of this image", f"{where} {most:.0f} units", tinted(on, most, PATH)),
            Tile(f"Usual for '{verdict.label}'", f"{where} {usual.max():.1f} units", tinted(usual, often, ROAD)),
            Tile(
                f"Usual for '{verdict.runner_up_label}'",
                f"{where} {runner_up.max():.1f} units",
                tinted(runner_up, often, ROAD),
            ),
        ]
    return found


def row_of(tiles: list[Tile], width: float, columns: int) -> Scene:
    """Return pictures side by side, each as wide as if there were ``columns`` of them."""
    gap = 22.0
    side = (width - gap * (columns - 1)) / columns
    shapes: list[Shape] = []
    tallest = 0.0
    for at, tile in enumerate(tiles):
        x = at * (side + gap)
        height, across = side, side
        rows, cells = tile.colours.shape[:2]
        height, across = (side, side * cells / rows) if rows > cells else (side * rows / cells, side)
        below = wrapped(tile.below, 12, side, 2)
        shapes.append(Words(x, 14, shortened(tile.title, 13, side, bold=True), size=13, bold=True))
        shapes.append(Bitmap(x, 24, across, height, tile.colours, f"{tile.title}: {tile.below}"))
        frame = ((x, 24), (x + across, 24), (x + across, 24 + height), (x, 24 + height), (x, 24))
        shapes.append(Line(frame, RULE, 1))
        shapes += [Words(x, 42 + height + 16 * line, text, SOFT, 12) for line, text in enumerate(below)]
        tallest = max(tallest, 46 + height + 16 * (len(below) - 1))
    return Scene(width, tallest, "; ".join(f"{tile.title}: {tile.below}" for tile in tiles), tuple(shapes))


def photo(pixels: Tensor) -> Colours:
    """Return pixels ``c h w`` in [0, 1] as colours."""
    return np.asarray(to_image(pixels.cpu()).convert("RGB"))


def marked(pixels: Tensor, shares: npt.NDArray[np.float64]) -> Colours:
    """Return a pale image on which pixels are tinted that are on the path, ``shares`` in [0, 1] ``(h, w)``."""
    grey = photo(pixels).mean(2, keepdims=True) / 255
    pale = 255 * (0.62 + 0.3 * grey)
    tint = rgb(PATH) * (0.65 + 0.35 * grey)
    strength = np.sqrt(shares)[:, :, None]
    found: Colours = np.round(pale * (1 - strength) + tint * strength).clip(0, 255).astype(np.uint8)
    return found


def tinted(values: npt.NDArray[np.float64], most: float, tone: Tone) -> Colours:
    """Return numbers from 0 to ``most`` as a colour from white to a tone."""
    share = (values / (most or 1.0))[:, :, None].clip(0, 1)
    found: Colours = np.round(255 + share * (rgb(tone) - 255)).astype(np.uint8)
    return found


def amplified(changed: Tensor, original: Tensor) -> tuple[Colours, float]:
    """Return the difference of two images around mid grey, and by how much it was amplified to be seen."""
    difference = (changed - original).cpu()
    largest = float(difference.abs().max())
    factor = 0.5 / largest if largest > 0 else 1.0
    return photo((0.5 + factor * difference).clamp(0, 1)), factor


def rgb(tone: Tone) -> npt.NDArray[np.float64]:
    """Return the red, green and blue of a tone on light paper, 0 to 255."""
    return np.array([int(tone.light[at : at + 2], 16) for at in (1, 3, 5)], np.float64)
