"""A service with API keys: the page asks for one, sends it as a header, and says what a key may not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.app.admission.guarded import key_file
from tests.browser.conftest import Console


class Guarded(NamedTuple):
    address: str
    whole: str
    visitor: str


@pytest.fixture(scope="module")
def guarded(serve: Callable[..., Iterator[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    scopes = ["detect", "explain", "read", "monitor"]
    entries = {"id": "whole", "scopes": scopes}, {"id": "visitor", "scopes": ["detect", "read"]}
    file, (whole, visitor) = key_file(tmp_path_factory.mktemp("keys"), *entries)
    for address in serve(keys=file):
        yield Guarded(address, whole, visitor)


def enter(console: Console, key: str) -> None:
    page = console.page
    if not page.locator("dialog[open]").count():
        page.get_by_role("button", name="API key").click()
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()


def test_a_key_is_asked_for_and_used(console_at: Callable[..., Console], guarded: Guarded) -> None:
    console = console_at(guarded.address)
    console.refused = True
    page = console.open()
    page.wait_for_selector("dialog[open]")
    assert "This address needs an API key" in page.locator("main .problem").inner_text()
    enter(console, "pathprint_wrong")
    page.locator("main .problem", has_text="unknown, expired or not valid yet").wait_for()
    enter(console, guarded.whole)
    page.locator(".example").first.wait_for()
    assert guarded.whole not in page.url
    assert page.evaluate("localStorage.length + document.cookie.length") == 0
    page.reload()  # within the tab it is kept
    page.locator(".example").first.wait_for()
    page.locator("nav a", has_text="Monitor").click()
    page.wait_for_selector(".state.live")
    page.get_by_role("button", name="API key").click()
    page.get_by_role("button", name="Forget it").click()
    page.locator("main .problem", has_text="needs an API key").wait_for()


def test_what_cannot_be_a_key_is_called_so(console_at: Callable[..., Console], guarded: Guarded) -> None:
    console = console_at(guarded.address)
    console.refused = True
    page = console.open()
    for odd in ("schlüssel", "two words", "☃"):
        enter(console, odd)
        page.locator("main .problem", has_text="This is no API key").wait_for()


def test_escape_changes_no_key(console_at: Callable[..., Console], guarded: Guarded) -> None:
    console = console_at(guarded.address)
    console.refused = True
    page = console.open()
    enter(console, guarded.whole)
    page.locator(".example").first.wait_for()
    page.get_by_role("button", name="API key").click()
    page.get_by_label("Key", exact=True).fill("another")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")
    page.wait_for_timeout(300)  # what a closed dialog leads to comes after it
    assert page.evaluate("sessionStorage.getItem('pathprint-key')") == guarded.whole


def test_what_a_key_saw_is_forgotten_with_it(console_at: Callable[..., Console], guarded: Guarded) -> None:
    console = console_at(guarded.address)
    console.refused = True
    page = console.open()
    enter(console, guarded.whole)
    page.locator(".example canvas").nth(1).wait_for()
    page.locator(".example").first.click()
    page.wait_for_selector(".verdict")
    enter(console, guarded.visitor)
    page.wait_for_selector(".results .empty")
    assert page.locator(".verdict").count() == 0


def test_a_key_that_may_see_no_reasons_sees_the_verdict(console_at: Callable[..., Console], guarded: Guarded) -> None:
    console = console_at(guarded.address)
    console.refused = True
    page = console.open()
    enter(console, guarded.visitor)
    page.locator(".example canvas").nth(1).wait_for()
    page.locator(".example").first.click()
    page.wait_for_selector(".verdict.adversarial")
    assert "may see the verdict, but not what is behind it" in page.locator(".verdict").inner_text()
    page.locator("nav a", has_text="Monitor").click()
    page.locator("main .problem", has_text="lacks the scope 'monitor'").wait_for()
    assert "Ask whoever runs the service" in page.locator("main .problem").inner_text()
