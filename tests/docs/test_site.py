"""The site of the documentation: each page has a place, and what is written at build time has a mark."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import pathprint
from tests.docs.pages import PAGES, ROOT, Page

LIST = Page(ROOT / "docs" / "README.md")
ON_THE_SITE = [page for page in PAGES if page.name.startswith(("docs/", "benchmarks/")) or "/" not in page.name]
_HOSTS = re.compile(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["'](?:https?:)?//|@import|url\(["']?https?:""")


@pytest.fixture
def navigation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "docs" / "site")
    return import_module("navigation")


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "docs" / "site")
    return import_module("reference")


@pytest.mark.parametrize("page", ON_THE_SITE, ids=lambda page: page.name)
def test_a_page_has_a_place(page: Page, navigation: ModuleType) -> None:
    listed = {entry.split("</")[1][:-1] for found in navigation.sections(LIST.text).values() for entry in found}
    name = page.name.removesuffix(".md")
    beside = any(navigation.is_below(name, other.name.removesuffix(".md")) for other in readmes())
    assert name in listed | {"README", "docs/README"} or beside, (
        f"{page.name} has no place on the site: list it in docs/README.md, under the heading where readers look for it"
    )


def readmes() -> Iterator[Page]:
    """Yield the pages that list those beside them."""
    yield from (page for page in ON_THE_SITE if page.name.endswith("/README.md") and page.path != LIST.path)


def test_sections_are_headings_and_entries_are_first_links(navigation: ModuleType) -> None:
    text = "# A\n\n- [no](no.md)\n\n## B\n\n- [one](one.md): [x](x.md)\n- words [two](two.md)\n"
    text += "\n### C\n\n- [up](../U.md)\n"
    assert navigation.sections(text) == {"": ["no </docs/no>"], "B": ["one </docs/one>"], "B: c": ["up </U>"]}


@pytest.mark.parametrize("readme", list(readmes()), ids=lambda page: page.name)
def test_a_list_of_pages_has_all_of_them(readme: Page) -> None:
    here = {page.path for page in ON_THE_SITE if page.path.parent == readme.path.parent} - {readme.path}
    linked = {(readme.path.parent / link.partition("#")[0]).resolve() for link in readme.links}
    assert not [path.name for path in here - linked]


def test_marks_are_those_that_are_written(reference: ModuleType) -> None:
    found = [mark for page in PAGES for mark in re.findall(r"<!-- written by the site: (\w+) -->", page.text)]
    assert sorted(found) == sorted(reference._PARTS)


def test_the_page_on_the_library_names_what_is_public() -> None:
    text = Page(ROOT / "docs" / "reference" / "library.md").text
    cells = (line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    assert sorted(name for cell in cells for name in re.findall(r"`(\w+)`", cell)) == sorted(pathprint.__all__)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 64}, "integer, from 1 to 64"),
        ({"type": "number", "exclusiveMinimum": 0}, "number, above 0"),
        ({"type": "string", "enum": ["pass", "flag"]}, "`pass` or `flag`"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or nothing"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Layer"}}, "list of [Layer](#layer)"),
        ({"type": "boolean", "default": False}, "true or false"),
        ({"const": "a"}, "`a`"),
        ({}, "anything"),
    ],
)
def test_values_are_said_in_words(schema: dict[str, object], words: str, reference: ModuleType) -> None:
    assert reference.kind_of(schema) == words


@pytest.mark.slow
def test_the_site_has_all_pages_and_loads_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-c", "docs/site"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "trees"), ".", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    assert not [page.name for page in ON_THE_SITE if not (site / page.name).with_suffix(".html").is_file()]
    for page in site.rglob("*.html"):
        loaded = _HOSTS.search(page.read_text(encoding="utf-8"))
        assert not loaded, f"{page.name} loads something from elsewhere: {loaded}"
    shown = {
        name: (site / "docs" / "reference" / f"{name}.html").read_text() for name in ("library", "http", "settings")
    }
    assert 'id="pathprint.fit"' in shown["library"]
    assert 'id="post-v1-detect"' in shown["http"]
    assert "PATHPRINT_MAX_BODY_BYTES" in shown["settings"]
    assert (site / "docs" / "reference" / "openapi.json").is_file()
    assert "--target-fpr" in (site / "docs" / "reference" / "command-line.html").read_text()
