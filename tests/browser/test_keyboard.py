"""All can be done with the keyboard alone, and what happens is said to screen readers."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Console

FOCUSED = "document.activeElement"
MOST_STOPS = 40


def tab_to(page: Any, what: str) -> None:
    """Press Tab until the focus is on what a selector names, and check that it can be seen there."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        seen = page.evaluate(f"getComputedStyle({FOCUSED}).outlineStyle !== 'none' || {FOCUSED}.id === 'file'")
        assert seen, f"the focus cannot be seen on {page.evaluate(f'{FOCUSED}.outerHTML')[:200]}"
        if page.evaluate(f"{FOCUSED}.matches({what!r})"):
            return
    raise AssertionError(f"Tab does not lead to {what}")


def test_an_example_is_judged_and_the_verdict_is_said(console: Console) -> None:
    page = console.open()
    page.locator(".example canvas").nth(5).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate(f"{FOCUSED}.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate(f"{FOCUSED}.id") == "content"
    tab_to(page, "#file")
    assert page.locator("label[for=file]").evaluate("node => getComputedStyle(node).outlineStyle") != "none"
    tab_to(page, ".example")
    page.keyboard.press("Enter")
    page.wait_for_selector(".verdict")
    assert "adversarial. The network answers" in page.locator("#spoken").inner_text()
    tab_to(page, "summary")
    page.keyboard.press("Enter")
    assert page.locator("details[open] .reasons li").count() > 0
    tab_to(page, "#layer")
    before = page.locator(".channels").inner_text()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.locator(".channels").inner_text() != before or page.locator("#layer option").count() == 1


def test_views_are_changed_and_the_key_dialog_gives_the_focus_back(console: Console) -> None:
    page = console.open()
    tab_to(page, "nav a[href='#models']")
    page.keyboard.press("Enter")
    page.locator("main h1", has_text="Models").wait_for()
    page.locator("#content:focus").wait_for()
    page.locator("#key").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")
    assert page.evaluate(f"{FOCUSED}.id") == "key"


def test_arrow_keys_go_through_the_layers(console: Console) -> None:
    page = console.open("network")
    page.wait_for_selector(".graph .node")
    tab_to(page, ".graph .node")
    first = page.locator(".about h3").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator(".about h3").inner_text() != first
    page.keyboard.press("ArrowLeft")
    assert page.locator(".about h3").inner_text() == first


def test_a_table_of_the_monitor_keeps_focus_when_its_numbers_change(console: Console) -> None:
    page = console.open_example()
    page.locator("nav a", has_text="Monitor").click()
    page.wait_for_selector(".state.live")
    page.locator(".wide").first.focus()
    label = page.evaluate(f"{FOCUSED}.dataset.old = {FOCUSED}.ariaLabel")
    page.wait_for_selector("[data-old]", state="detached")
    assert page.evaluate(f"{FOCUSED}.ariaLabel") == label
