"""An image of each kind gets a verdict, however it comes; what is no image gets a sentence that says what to do."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest

from tests.app.images import animation, digit, encoded
from tests.browser.conftest import Console

PNG = encoded(digit(), "PNG")


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, (np.asarray(digit(), np.float32) / 255)[None])
    return file.getvalue()


GOOD = {
    "five.png": ("image/png", PNG),
    "five.jpg": ("image/jpeg", encoded(digit(), "JPEG")),
    "five.bmp": ("image/bmp", encoded(digit(), "BMP")),
    "five.webp": ("image/webp", encoded(digit(), "WEBP")),
    "five.npy": ("", npy()),
    "misnamed.jpg": ("image/jpeg", PNG),
}
BAD = {
    "text.png": (b"This is no image at all.", "Choose a PNG, JPEG, BMP or WebP image"),
    "half.png": (PNG[: len(PNG) // 2], "a part of this file is missing"),
    "empty.png": (b"", "this one is empty"),
    "moving.webp": (animation("WEBP"), "Save one frame of the animation"),
    "other.npy": (npy().replace(b"(1, 8, 8)", b"(1, 4, 4)"), "numpy.save"),
}


def choose(page: Any, name: str, media_type: str, data: bytes) -> None:
    page.set_input_files("#file", {"name": name, "mimeType": media_type, "buffer": data})


def test_an_image_of_each_kind_gets_a_verdict(console: Console) -> None:
    page = console.open()
    for name, (media_type, data) in GOOD.items():
        choose(page, name, media_type, data)
        page.get_by_text(name).wait_for()
        page.locator("#spoken", has_text="answers 5").wait_for(state="attached")
        assert page.locator(".verdict h2").inner_text() in ("Benign", "Uncertain", "Adversarial")
        page.evaluate("document.querySelector('#spoken').textContent = ''")


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_image_gets_a_sentence_with_what_to_do(console: Console, name: str) -> None:
    console.refused = True
    page = console.open()
    data, advice = BAD[name]
    choose(page, name, "image/png" if name.endswith("png") else "", data)
    problem = page.locator(".results .problem")
    problem.wait_for()
    assert advice in problem.inner_text()
    assert "Request" in problem.inner_text()
    choose(page, "five.png", *GOOD["five.png"])  # and the page goes on
    page.wait_for_selector(".verdict")


DATA = """base64 => {
    const file = new File([Uint8Array.from(atob(base64), one => one.charCodeAt(0))], "five.png", {type: "image/png"});
    const data = new DataTransfer();
    data.items.add(file);
    return data;
}"""


@pytest.mark.parametrize(("event", "target"), [("drop", ".drop"), ("paste", "body")])
def test_an_image_may_be_dropped_and_pasted(console: Console, event: str, target: str) -> None:
    page = console.open()
    data = page.evaluate_handle(DATA, base64.b64encode(PNG).decode())
    if event == "drop":
        page.dispatch_event(target, "drop", {"dataTransfer": data})
    else:
        page.evaluate("data => document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data}))", data)
    page.wait_for_selector(".verdict")
    assert "five.png" in page.locator(".preview").inner_text()


SEVERAL = """names => {
    const data = new DataTransfer();
    for (const name of names) data.items.add(new File(["x"], name, {type: "image/png"}));
    data.setData("text/plain", "words");
    return data;
}"""


@pytest.mark.parametrize(
    ("names", "said"), [(["a.png", "b.png"], "Choose one image at a time."), ([], "There is no image.")]
)
def test_what_is_not_one_file_is_not_guessed_at(console: Console, names: list[str], said: str) -> None:
    page = console.open()
    data = page.evaluate_handle(SEVERAL, names)
    page.evaluate("data => document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data}))", data)
    page.locator(".results .problem", has_text=said).wait_for()
    page.evaluate("document.querySelector('.results').replaceChildren()")
    page.dispatch_event("footer", "drop", {"dataTransfer": page.evaluate_handle(SEVERAL, names)})
    page.locator(".results .problem", has_text=said).wait_for()


def test_a_file_that_cannot_be_read_is_not_taken_for_a_service_that_is_away(console: Console) -> None:
    page = console.open()
    gone = "Blob.prototype.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'))"
    page.evaluate(f"() => {{ {gone} }}")
    choose(page, "five.png", *GOOD["five.png"])
    page.locator(".results .problem", has_text="The file cannot be read.").wait_for()


def test_the_image_chosen_last_is_the_one_that_is_judged(console: Console) -> None:
    """The answer about an image chosen before it comes too late, and never takes its place."""
    page = console.open()
    held: list[Any] = []

    def hold_the_first(route: Any) -> None:
        if held:
            route.continue_()
        held.append(route)

    page.route("**/v1/picture*", hold_the_first)
    choose(page, "slow.png", *GOOD["five.png"])
    page.locator(".preview", has_text="slow.png").wait_for()
    page.wait_for_selector(".results[aria-busy]")
    with page.expect_event("requestfailed", lambda request: "v1/picture" in request.url):
        choose(page, "five.png", *GOOD["five.png"])
    page.wait_for_selector(".results:not([aria-busy]) .verdict")
    assert "five.png" in page.locator(".preview").inner_text()
