"""The pictures in docs/images: made here, when PATHPRINT_SCREENSHOTS=1 asks for it, and small."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FloatRect

from tests.browser.conftest import Console

IMAGES = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES = 150_000
_COLOURS = 256
NAMES = [f"console-{name}.png" for name in ("inspect", "why", "network", "monitor", "models", "phone")]
ASKED = os.environ.get("PATHPRINT_SCREENSHOTS") == "1"


@pytest.fixture(scope="module")
def pictured(serve: Callable[..., Iterator[str]], service: str) -> Iterator[str]:
    """The service to take pictures of: that of PATHPRINT_SCREENSHOTS_OF, or else the one of these tests."""
    yield os.environ.get("PATHPRINT_SCREENSHOTS_OF", service)


def save(name: str, taken: bytes) -> None:
    IMAGES.mkdir(exist_ok=True)
    image = Image.open(io.BytesIO(taken)).convert("RGB")
    reduced = image.quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(IMAGES / f"console-{name}.png", optimize=True)


@pytest.mark.skipif(not ASKED, reason="PATHPRINT_SCREENSHOTS=1 makes the pictures anew")
def test_pictures_are_made(console_at: Callable[..., Console], pictured: str) -> None:
    console = console_at(pictured, color_scheme="light", reduced_motion="reduce")
    page = console.open_example()
    page.set_viewport_size({"width": 1280, "height": 1010})
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(500)
    save("inspect", page.screenshot())
    first, last = (page.locator(".results > .card").nth(number).bounding_box() for number in (2, 4))
    assert first is not None
    assert last is not None
    height = last["y"] + last["height"] - first["y"]
    clip: FloatRect = {"x": first["x"], "y": first["y"], "width": first["width"], "height": height}
    save("why", page.screenshot(full_page=True, clip=clip))
    for number in range(1, page.locator(".example").count()):
        page.locator(".example").nth(number).click()
        page.wait_for_selector(".results:not([aria-busy])")
    for view in ("network", "monitor", "models"):
        page.locator(f"nav a[href='#{view}']").click()
        page.locator("main h1", has_text=view.capitalize()).wait_for()
        page.wait_for_selector("svg .heat, .state.live, .graph .node")
        page.wait_for_timeout(500)
        save(view, page.screenshot(full_page=True))
    phone = console_at(pictured, "phone", color_scheme="dark", reduced_motion="reduce").open_example()
    phone.wait_for_timeout(500)
    save("phone", phone.screenshot())


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_there_and_small(name: str) -> None:
    assert 0 < (IMAGES / name).stat().st_size < MOST_BYTES
