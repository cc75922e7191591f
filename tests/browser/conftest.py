"""A real Chromium in front of a real service, which has a bundle of the digits with examples and a report beside it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import structlog
import torch
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from pathprint.app.main import create_app
from pathprint.app.settings import Settings
from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.bundle_files import report_beside
from pathprint.profiling.detection.examples import Examples
from tests.app.server import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
_PAIRS = 3
_READY_SECONDS = 120
_WAIT_MILLISECONDS = 60_000  # of a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder need a browser, and none starts one by chance."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture(scope="session")
def furnished(bundle_folder: Path, bundle: Bundle, digits: Dataset) -> Path:
    """The folder of a bundle with pairs of images and a report beside it."""
    network = bundle.detector.network
    (attack,) = chosen(network, ["pgd-0.2"])
    clean, attacked, labels = [], [], []
    for index in range(700, len(digits.labels)):
        pixels = network.preprocessing.pixels(digits.image(index))[None]
        label = int(digits.labels[index])
        found = craft(attack, network, pixels, torch.tensor([label]))
        verdicts = bundle.detector.examine(torch.cat([pixels, found.pixels]))
        if found.success[0] and [one.decision for one in verdicts] == ["benign", "adversarial"]:
            clean.append(pixels)
            attacked.append(found.pixels)
            labels.append(network.labels[label])
        if len(labels) == _PAIRS:
            break
    examples = Examples(torch.cat(clean), torch.cat(attacked), tuple(labels), (attack.name,) * _PAIRS)
    examples.save(bundle_folder, bundle.sha256)
    page = f"<style>body {{ color: #0a5c2e }}</style><h2>Summary</h2><p>Bundle {bundle.sha256}</p>"
    report_beside(bundle_folder).write_text(
        f"<html lang='en'><head></head><body>{page}<script>alert(1)</script></body></html>"
    )
    return bundle_folder


@pytest.fixture(scope="session")
def serve(furnished: Path) -> Callable[..., Iterator[str]]:
    """Start a service with settings, ready to answer."""

    def start(**settings: Any) -> Iterator[str]:
        app = create_app(settings=Settings(bundle=(str(furnished),), **settings))
        with serving(app) as address:
            deadline = time.monotonic() + _READY_SECONDS
            while httpx.get(f"{address}/readyz").status_code != 200 and time.monotonic() < deadline:
                time.sleep(0.1)
            yield address.replace("127.0.0.1", "localhost")

    return start


@pytest.fixture(scope="session")
def service(serve: Callable[..., Iterator[str]]) -> Iterator[str]:
    """A service without keys, as on somebody's own machine."""
    yield from serve()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install Debian's package chromium")
    with sync_playwright() as running:
        # The user of a container is often root, whom the sandbox does not serve.
        started = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Console:
    """A page of the console, and what was noticed about it.

    Attributes:
        complaints: errors and warnings in the browser's own console.
        hosts: hosts and ports that were asked for anything.
        refused: whether the test means to be refused, which browsers report in their console.
    """

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    refused: bool = False

    def watch(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def _note(self, message: ConsoleMessage) -> None:
        expected = self.refused and message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not expected:
            self.complaints.append(message.text)

    def _asked(self, url: str) -> None:
        if url.startswith("http"):
            self.hosts.add(urlsplit(url).netloc)

    def open(self, view: str = "inspect") -> Page:
        """Open a view, and wait until it is there."""
        self.page.goto(f"{self.address}/#{view}")
        self.page.wait_for_selector("main:not([aria-busy]) :is(h1, .problem)", state="attached")
        return self.page

    def open_example(self) -> Page:
        """Open the first example, and wait for its verdict."""
        page = self.open()
        page.locator(".example").first.locator("canvas").nth(1).wait_for()
        page.locator(".example").first.click()
        page.wait_for_selector(".verdict")
        return page


@pytest.fixture
def console_at(browser: Browser) -> Iterator[Callable[..., Console]]:
    """Open pages on a service; in the end each has complained about nothing, and asked no other host."""
    made: list[Console] = []

    def open_at(address: str, size: str = "desktop", **options: Any) -> Console:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(_WAIT_MILLISECONDS)
        made.append(Console(context.new_page(), address))
        made[-1].watch()
        return made[-1]

    yield open_at
    for console in made:
        console.page.context.close()
        assert not console.complaints
        assert console.hosts <= {urlsplit(console.address).netloc}, "another host was asked"


@pytest.fixture
def console(console_at: Callable[..., Console], service: str) -> Console:
    return console_at(service)


@pytest.fixture
def browser_without_scripts(console_at: Callable[..., Console], service: str) -> Console:
    return console_at(service, java_script_enabled=False)
