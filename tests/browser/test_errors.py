"""Whatever goes wrong is a sentence with what to do."""

from __future__ import annotations

import json
from typing import Any

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


@pytest.mark.parametrize("body", ["<h1>Bad gateway</h1>", "", "null", "{}", '{"error": "bad gateway"}'])
def test_an_answer_of_something_in_between(console: Console, body: str) -> None:
    console.refused = True
    console.page.route("**/v1/models", lambda route: route.fulfill(status=502, body=body))
    console.page.goto(console.address)
    problem = console.page.locator("main .problem")
    problem.wait_for()
    assert "502" in problem.inner_text()


def test_a_page_in_place_of_an_answer(console: Console) -> None:
    console.page.route("**/v1/models", lambda route: route.fulfill(status=200, body="<h1>Please log in</h1>"))
    console.page.goto(console.address)
    console.page.locator("main .problem", has_text="The answer is not JSON.").wait_for()


def test_no_model_is_loaded(console: Console) -> None:
    console.page.route("**/v1/models", lambda route: route.fulfill(json={"models": []}))
    console.page.goto(console.address)
    console.page.locator("main .problem", has_text="No model is loaded.").wait_for()


def test_views_open_when_the_whole_service_is_gone(console: Console) -> None:
    console.refused = True
    page = console.open()
    page.wait_for_selector(".example canvas")
    page.route("**/*", lambda route: route.abort())
    for view in ("network", "monitor", "models"):
        page.locator(f"nav a[href='#{view}']").click()
        page.locator("main:not([aria-busy]) .problem", has_text="The service does not answer.").wait_for()


def test_markup_in_the_name_of_a_class_is_text(console: Console) -> None:
    markup = "<img src=x onerror=alert(1)>"

    def renamed(route: Any) -> None:
        found = route.fetch().json()
        found["prediction"]["label"] = found["prediction"]["runner_up"]["label"] = markup
        route.fulfill(json=found)

    console.page.on("dialog", lambda dialog: console.complaints.append(dialog.message))
    console.page.route("**/v1/picture*", renamed)
    page = console.open_example()
    assert markup in page.locator(".verdict").inner_text()
    assert page.locator("img[src=x]").count() == 0


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
