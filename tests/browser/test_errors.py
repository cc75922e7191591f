"""Whatever goes wrong is a sentence with what to do."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import Console

PROBLEM = {"type": "urn:pathprint:problem:not_ready", "title": "The service is not ready", "status": 503}


def test_a_service_that_is_gone(console: Console) -> None:
    console.refused = True
    page = console.open()
    page.route("**/v1/**", lambda route: route.abort())
    page.locator("nav a", has_text="Models").click()
    problem = page.locator("main .problem")
    problem.wait_for()
    assert "The service does not answer." in problem.inner_text()
    assert "Look whether the service is running" in problem.inner_text()
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Try again").click()
    page.locator("main h1", has_text="Models").wait_for()
    page.wait_for_selector(".card")


def test_a_service_that_still_starts_is_asked_again(console: Console) -> None:
    console.refused = True
    detail = "The service is starting and still loads: bundle 1 (warming up). Try again soon."
    body = json.dumps({**PROBLEM, "code": "not_ready", "detail": detail})
    media_type = "application/problem+json"
    console.page.route(
        "**/v1/models", lambda route: route.fulfill(status=503, body=body, content_type=media_type), times=1
    )
    console.page.goto(console.address)
    console.page.locator("main .problem", has_text="warming up").wait_for()
    console.page.wait_for_selector(".drop")


@pytest.mark.parametrize("body", ["<h1>Bad gateway</h1>", "", "null"])
def test_an_answer_of_something_in_between(console: Console, body: str) -> None:
    console.refused = True
    console.page.route("**/v1/models", lambda route: route.fulfill(status=502, body=body))
    console.page.goto(console.address)
    problem = console.page.locator("main .problem")
    problem.wait_for()
    assert "502" in problem.inner_text()


def test_markup_in_an_answer_is_text(console: Console) -> None:
    console.refused = True
    markup = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    body = json.dumps({**PROBLEM, "code": "internal", "title": markup, "detail": markup})
    console.page.on("dialog", lambda dialog: console.complaints.append(dialog.message))
    console.page.route("**/v1/models", lambda route: route.fulfill(status=500, body=body))
    console.page.goto(console.address)
    problem = console.page.locator("main .problem")
    problem.wait_for()
    assert markup in problem.inner_text()
    assert problem.locator("img, script").count() == 0


def test_without_scripts_the_page_says_so(browser_without_scripts: Console) -> None:
    browser_without_scripts.page.goto(browser_without_scripts.address)
    assert "needs JavaScript" in browser_without_scripts.page.locator("main").inner_text()
