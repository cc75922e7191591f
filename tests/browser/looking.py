"""What holds for every view: it fits, and nobody is shut out."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe


def check_fits(page: Any) -> None:
    """Nothing is wider than the screen."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]


def check_accessible(page: Any) -> None:
    """axe-core finds nothing serious."""
    violations = Axe().run(page).response["violations"]
    serious = [one for one in violations if one["impact"] in ("serious", "critical")]
    found = [f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}" for one in serious]
    assert not found, "\n".join(found)
