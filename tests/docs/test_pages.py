"""Markdown files keep to the house rules: one width, short cells, links and files that exist."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import PAGES, ROOT, Page

WIDTH = 100
CELL = 200
_FILE = re.compile(r"(?<![\w/.:~-])(?:[\w-][\w.-]*/)+[\w.-]+\.(?:py|sh|toml|yaml|md)\b")
_TO_BE_WRITTEN = re.compile(r"\bCreate `([^`]+)`")
"""How a page names a file that its reader is to write; CONTRIBUTING.md states the rule."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@every_page
def test_lines_wrap_at_one_width(page: Page) -> None:
    exempt = page.lines_of("table_open", "fence", "code_block", "html_block", "heading_open")
    long = [
        f"{page.name}:{number + 1}: {len(line)} characters"
        for number, line in enumerate(page.text.splitlines())
        if len(line) > WIDTH and number not in exempt and len(line.split()) > 2
    ]
    assert not long, f"lines of text are at most {WIDTH} characters long: {long}"


@every_page
def test_table_cells_are_short(page: Page) -> None:
    cells = [
        following.content
        for token, following in zip(page.tokens, page.tokens[1:], strict=False)
        if token.type in ("th_open", "td_open")
    ]
    long = [cell for cell in cells if len(cell) > CELL]
    assert not long, f"{page.name}: a cell holds at most {CELL} characters; write a paragraph instead: {long}"


@every_page
def test_relative_links_and_anchors_exist(page: Page) -> None:
    broken = [link for link in page.links if not urlsplit(link).scheme and not leads_somewhere(page, link)]
    assert not broken, f"{page.name} has links that lead nowhere: {broken}"


def leads_somewhere(page: Page, link: str) -> bool:
    target, _, anchor = unquote(link).partition("#")
    file = (page.path.parent / target).resolve() if target else page.path
    if not file.exists() or not file.is_relative_to(ROOT):
        return False
    return not anchor or anchor in Page(file).anchors


@every_page
def test_files_that_are_named_exist(page: Page) -> None:
    fenced = page.lines_of("fence", "code_block")
    text = "\n".join(line for number, line in enumerate(page.text.splitlines()) if number not in fenced)
    named = set(_FILE.findall(text)) - set(_TO_BE_WRITTEN.findall(text))
    missing = sorted(name for name in named if not ((ROOT / name).exists() or (page.path.parent / name).exists()))
    assert not missing, f"{page.name} names files that do not exist: {missing}"
