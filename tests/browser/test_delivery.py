"""What the browser gets: little, at once, and from this service only."""

from __future__ import annotations

import re
import sys

import httpx
import pytest

from pathprint.app.api.routes.console import FOLDER
from tests.browser.conftest import Console

MOST_BYTES = 200_000
GENEROUS_SECONDS = 30  # the aim is one second; a busy machine must not fail for being busy


def test_the_first_view_is_there_soon_and_small(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    page = console.page
    page.goto(console.address)
    page.wait_for_selector(".drop")
    timing = page.evaluate("performance.now()")
    sizes = page.evaluate("performance.getEntriesByType('resource').map(one => [one.name, one.decodedBodySize])")
    files = {name: size for name, size in sizes if "/console/" in name}
    with capsys.disabled():
        sys.stdout.write(f"\nfirst view after {timing:.0f} ms: {sum(files.values()):,} bytes in {len(files)} files\n")
    assert timing < GENEROUS_SECONDS * 1000
    assert 0 < sum(files.values()) < MOST_BYTES


def test_all_of_the_console_is_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < MOST_BYTES


def test_a_second_visit_transfers_nothing_again(console: Console) -> None:
    page = console.open()
    page.wait_for_selector(".drop")
    page.reload()
    page.wait_for_selector(".drop")
    script = "performance.getEntriesByType('resource').filter(one => one.name.includes('/console/'))"
    sizes = page.evaluate(f"{script}.map(one => one.transferSize)")
    assert sizes
    assert max(sizes) <= 300  # the head of an answer that nothing has changed


def test_a_script_that_stands_in_the_page_would_not_run(console: Console) -> None:
    page = console.open()
    page.evaluate(
        """() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
    }"""
    )
    assert page.evaluate("window.ran === undefined")
    assert any("Content Security Policy" in one for one in console.complaints)
    console.complaints.clear()


def test_every_module_is_named_by_the_page_or_another_module(service: str) -> None:
    texts = {file.name: file.read_text() for file in FOLDER.iterdir() if file.suffix in (".js", ".html")}
    views = {"inspect.js", "network.js", "monitor.js", "models.js"}
    for name in texts:
        named = any(name in text for other, text in texts.items() if other != name)
        assert named or name in {*views, "index.html"}
    assert httpx.get(f"{service}/").text == texts["index.html"]
    addresses = re.findall(r"https?://[^\s\"'`]+", "".join(texts.values()))
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}
