"""Drawings: each file is what its name says, holds what it should, keeps inside its frame, and loads nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.pictures.drawing import letters, panels
from pathprint.profiling.pictures.drawing.images import amplified
from pathprint.profiling.pictures.drawing.page import page
from pathprint.profiling.pictures.drawing.poster import pair_poster, poster
from pathprint.profiling.pictures.drawing.scene import Area, Bitmap, Line, Scene, Words
from pathprint.profiling.pictures.drawing.to_png import png_of
from pathprint.profiling.pictures.drawing.to_svg import file_of
from pathprint.profiling.pictures.explained import Explained, explain_pixels

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script> & 'a very long name of a class, far longer than there is room for'"


@pytest.fixture(scope="module")
def explained(bundle: Bundle) -> Explained:
    return explain_pixels(bundle.detector, bundle.golden)


@pytest.fixture(scope="module")
def noise(bundle: Bundle) -> Explained:
    image = torch.rand(bundle.golden.shape, generator=torch.Generator().manual_seed(0))
    return explain_pixels(bundle.detector, image)


@pytest.fixture(scope="module")
def hostile(explained: Explained) -> Explained:
    """A verdict with names that are no good for a picture, and with as little to draw as there can be."""
    verdict = replace(explained.verdict, label=HOSTILE, runner_up_label=HOSTILE, note=HOSTILE, decision="uncertain")
    layers = tuple(replace(explained.layers[0], name=f"{HOSTILE}.{at}") for at in range(40))
    return replace(explained, verdict=verdict, layers=layers, input_units=None, first=None, places=None)


@pytest.fixture(scope="module")
def scenes(explained: Explained, noise: Explained, hostile: Explained) -> list[Scene]:
    return [poster(explained), poster(noise), poster(hostile), pair_poster(explained, noise)]


def test_all_shapes_lie_inside_the_drawing(scenes: list[Scene]) -> None:
    for scene in scenes:
        for shape in scene.shapes:
            if isinstance(shape, Area | Line):
                places = list(shape.points)
            elif isinstance(shape, Bitmap):
                places = [(shape.x, shape.y), (shape.x + shape.width, shape.y + shape.height)]
            elif isinstance(shape, Words):
                width = letters.width_of(shape.text, shape.size, shape.bold)
                left = shape.x - {"start": 0, "middle": width / 2, "end": width}[shape.anchor]
                places = [(left, shape.y), (left + width, shape.y)]
            else:
                places = [(shape.x, shape.y)]
            assert all(0 <= x <= scene.width and 0 <= y <= scene.height for x, y in places), shape


def test_a_png_is_twice_the_drawing_and_has_ink(scenes: list[Scene]) -> None:
    scene = scenes[0]
    image = Image.open(BytesIO(png_of(scene)))
    assert np.abs(np.array(image.size) - 2 * np.array([scene.width, scene.height])).max() <= 1
    assert 0.05 < (np.asarray(image.convert("L")) < 250).mean() < 0.7


def test_an_svg_is_sound_and_escapes_names(scenes: list[Scene], explained: Explained) -> None:
    for scene in scenes:
        root = ElementTree.fromstring(file_of(scene))
        assert root.tag == f"{SVG}svg"
        assert root.find(f"{SVG}title") is not None
        assert not list(root.iter(f"{SVG}script"))
        assert loaded(file_of(scene)) == set()
    text = "".join(ElementTree.fromstring(file_of(scenes[0])).itertext())
    assert all(word in text for word in (f"'{explained.verdict.label}'", f"{explained.verdict.score:.2f}", "threshold"))


@pytest.mark.parametrize("with_copy", [False, True])
def test_a_page_loads_nothing_and_escapes_names(hostile: Explained, noise: Explained, with_copy: bool) -> None:
    found = page(hostile, noise) if with_copy else page(hostile)
    assert "<script" not in found
    assert loaded(found) == set()
    assert "default-src 'none'" in found
    assert found.count("<h1>") == 1 + with_copy
    assert all(layer.kind in found for layer in hostile.layers)


def loaded(text: str) -> set[str]:
    """Return what a file would load from elsewhere."""
    found = re.findall(r"""(?:href|src)=["']([^"']*)|url\(([^)]*)\)|@import""", text)
    return {one for pair in found for one in pair if one and not one.startswith("data:")}


@pytest.mark.parametrize("ending", ["png", "svg", "html", "PNG"])
def test_a_file_is_what_its_name_ends_in(explained: Explained, noise: Explained, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"reasons.{ending}"
    explained.save(file, noise)
    begins = {"png": b"\x89PNG", "svg": b"<svg", "html": b"<!DOCTYPE html>"}
    assert file.read_bytes().startswith(begins[ending.lower()])


@pytest.mark.parametrize("name", ["reasons.pdf", "reasons", "reasons.png.txt"])
def test_another_ending_is_refused_before_anything_is_drawn(explained: Explained, tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionsError, match=r"\.png, \.svg or \.html"):
        explained.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_copy_of_another_size_is_refused(explained: Explained, tmp_path: Path) -> None:
    other = replace(explained, pixels=torch.zeros(1, 9, 9))
    with pytest.raises(OptionsError, match="different networks"):
        explained.save(tmp_path / "pair.png", other)


def test_what_was_changed_is_shown_as_strong_as_can_be() -> None:
    original = torch.full((1, 2, 2), 0.5)
    changed = original + torch.tensor([[[0.1, -0.05], [0.0, 0.0]]])
    colours, factor = amplified(changed, original)
    assert factor == pytest.approx(5)
    assert colours[..., 0].tolist() == [[255, 64], [128, 128]]
    assert amplified(original, original)[0].min() == amplified(original, original)[0].max() == 128


def test_the_sentence_names_the_layers_where_the_path_leaves_the_road(explained: Explained) -> None:
    layer = explained.layers[0]
    low, usual = (
        replace(layer, similarity=replace(layer.similarity, value=layer.similarity.band.usual + away))
        for away in (-2 * layer.similarity.band.spread, 0.0)
    )
    assert low.stands_out
    assert not usual.stands_out
    found = [panels.road_in_words(replace(explained, layers=layers)) for layers in ((usual,), (usual, low), (low,) * 9)]
    assert found == [
        "The path keeps to the road in every layer.",
        "The path leaves the road in 1 of 2 layers: 0.",
        "The path leaves the road in 9 of 9 layers: 0, 0, 0, 0, 0 and 4 more.",
    ]


@pytest.mark.parametrize("text", ["plain", "Café, 日本 → ±", "", "one-word-" * 40])
def test_broken_lines_are_as_wide_as_allowed_and_lose_no_word(text: str) -> None:
    lines = letters.wrapped(text, 13, 200)
    assert all(letters.width_of(line, 13) <= 200 for line in lines)
    assert " ".join(lines) == text or lines[-1].endswith("…")


def test_letters_that_a_font_lacks_become_plain_ones() -> None:
    from PIL import ImageFont

    own = ImageFont.load_default(20)
    assert isinstance(own, ImageFont.FreeTypeFont)
    assert letters.writable("Café ± 3", own) == "Cafe ± 3"
    assert letters.writable("日", own) == "?"
