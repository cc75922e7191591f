"""The table of settings in docs/operations.md is that of the service."""

from __future__ import annotations

from pathprint.app.settings import Settings
from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "operations.md")


def test_every_setting_is_listed_with_its_default() -> None:
    listed = dict(rows())
    assert len(listed) == len(rows()), "a setting is listed twice"
    prefix = str(Settings.model_config["env_prefix"])
    expected = {f"{prefix}{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    assert set(listed) == set(expected)
    for name, default in expected.items():
        shown = listed[name].replace(",", "").split()[0]
        assert shown == ("none" if default is None else f"{default}"), f"{name} defaults to {default}"


def rows() -> list[tuple[str, str]]:
    """Return name and default of each setting in the page's tables."""
    lines = (line.strip("| ").split(" | ") for line in PAGE.text.splitlines() if line.startswith("| `PATHPRINT_"))
    return [(cells[0].strip("`"), cells[1]) for cells in lines]
