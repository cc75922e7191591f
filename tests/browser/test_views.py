"""Every view, on a desk and on a phone, light and dark: it is there, it fits, and axe-core finds nothing serious."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import SIZES, Console
from tests.browser.looking import check_accessible, check_fits

VIEWS = ("inspect", "network", "monitor", "models")
at_every_size = pytest.mark.parametrize("size", SIZES)
in_every_light = pytest.mark.parametrize("light", ["light", "dark"])


@at_every_size
@in_every_light
def test_every_view(console_at: Callable[..., Console], service: str, size: str, light: str) -> None:
    console = console_at(service, size, color_scheme=light)
    for view in VIEWS:
        page = console.open(view)
        assert page.locator("nav a[aria-current=page]").inner_text().lower() == view
        page.wait_for_selector(".card")
        check_fits(page)
        check_accessible(page)


@at_every_size
@in_every_light
def test_an_attacked_example(console_at: Callable[..., Console], service: str, size: str, light: str) -> None:
    page = console_at(service, size, color_scheme=light).open_example()
    assert page.locator(".verdict h2").inner_text() == "Adversarial"
    titles = page.locator(".results .card > h2").all_inner_texts()[1:]
    assert titles[1:] == ["Why", "Where the path leaves the road", "Where in the image", "Which channels"]
    assert titles[0].endswith("attacked by pgd-0.2")
    assert page.locator(".three h3").all_inner_texts() == ["Original", "Attacked", "What the attack changed"]
    assert page.locator(".three .pill").all_inner_texts()[0].startswith("Benign")
    assert page.locator(".road .track .band").count() == 5
    check_fits(page)
    check_accessible(page)


def test_the_numbers_are_those_of_the_verdict(console: Console) -> None:
    with console.page.expect_response("**/v1/picture*") as response:  # that on the attacked image comes first
        page = console.open_example()
    answer = response.value.json()
    found = answer["detection"]
    text = page.locator(".verdict").inner_text()
    assert f"{found['score']:.2f}, above the threshold {found['threshold']:.2f}" in text
    assert f"decided in stage {found['stage']}" in text
    copies = found["inferences"] - 2
    assert (f"{copies} slightly altered cop" in text) == (copies > 0)
    moved = sum(layer["contribution"] for layer in answer["evidence"]["layers"])
    assert found["usual_score"] + moved == pytest.approx(found["score"])


def test_scores_near_the_threshold_do_not_seem_to_be_it(console: Console) -> None:
    page = console.open()
    script = "async ([one, other]) => (await import('./console/numbers.js')).apart(one, other)"
    assert page.evaluate(script, [0.8612, 0.8638]) == ["0.861", "0.864"]
    assert page.evaluate(script, [-1, 0.86]) == ["−1.00", "0.86"]
    assert page.evaluate(script, [0.86, 0.86]) == ["0.86", "0.86"]


def test_reasons_come_largest_first(console: Console) -> None:
    page = console.open_example()
    page.locator("summary", has_text="more layer").click()
    found = [float(text.replace("−", "-")) for text in page.locator(".reasons .number").all_inner_texts()]
    assert len(found) > 3
    assert [abs(one) for one in found] == sorted((abs(one) for one in found), reverse=True)
    assert all(page.locator(".reasons .text").all_inner_texts())


def test_the_network_shows_the_path_of_the_image_inspected_last(console: Console) -> None:
    page = console.open("network")
    assert "on average over clean images" in page.locator("main").inner_text()
    page = console.open_example()
    page.locator("nav a", has_text="Network").click()
    page.wait_for_selector(".graph .node")
    assert page.locator(".graph .node").count() == 5
    assert page.locator(".graph .node.off").count() >= 1
    width = "document.querySelector('.graph svg').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.get_by_role("button", name="Smaller").click()
    assert page.evaluate(width) < before


def test_routes_past_shortcuts_are_counted(console: Console) -> None:
    def with_a_shortcut(route: Any) -> None:
        found = route.fetch().json()
        layers = [{**layer, "follows": list(layer["follows"])} for layer in found["layers"]]
        layers[3]["follows"].append(layers[0]["name"])  # past two layers of five
        route.fulfill(json={**found, "layers": layers})

    console.page.route("**/figures*", with_a_shortcut)
    page = console.open("network")
    page.locator(".card", has_text="How long the routes are").wait_for()
    text = page.locator(".card", has_text="How long the routes are").inner_text()
    assert "2 routes" in text
    assert "They pass 3 to 5 weighted layers, 4.0 on average." in text
    assert page.locator(".graph .edge").count() == 6


def test_the_models_show_calibration_similarity_and_the_report(console: Console) -> None:
    page = console.open("models")
    page.wait_for_selector("svg .heat")
    assert page.locator("svg .heat").count() == 90
    assert page.locator("svg path.line").count() == 1
    page.get_by_role("button", name="Show the report").click()
    page.locator(".report").get_by_text("Bundle").wait_for()
    assert page.locator(".report h2").inner_text() == "Summary"
    assert page.locator(".report p").evaluate("node => getComputedStyle(node).color") == "rgb(10, 92, 46)"
    assert page.locator("h1").evaluate("node => getComputedStyle(node).color") != "rgb(10, 92, 46)"


def test_the_monitor_shows_a_decision_as_it_is_made(console: Console) -> None:
    page = console.open("monitor")
    page.wait_for_selector(".state.live")
    judged = page.locator(".figure dd").first.inner_text()
    request = page.evaluate(
        """async () => {
        const image = await (await fetch("v1/models/digits-cnn/examples/0/attacked")).arrayBuffer();
        new DataView(image).setFloat32(image.byteLength - 4, Math.random() / 100, true);
        const options = {method: "POST", body: image, headers: {"Content-Type": "application/x-npy"}};
        return (await (await fetch("v1/detect", options)).json()).input.sha256;
    }"""
    )
    page.locator("code", has_text=request[:10]).first.wait_for()
    assert int(page.locator(".figure dd").first.inner_text()) == int(judged) + 1
    assert "adversarial" in page.locator("table tbody tr", has_text=request[:10]).first.inner_text()
