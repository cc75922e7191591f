"""Shell blocks of README.md and the tutorial are run, or say why not."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import PAGES, Page
from tests.docs.shown import FOLLOWED, SHELLS, Shown, blocks

RUN = ("pathprint", ".venv/bin/pathprint", "python", "make quickstart", "curl")
"""What a test can run; blocks with other programs need a mark."""

every_page = pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)


@every_page
def test_a_shell_block_has_commands_that_a_test_runs_or_a_mark(page: Page) -> None:
    shown = [block for block in blocks(page) if block.is_shell]
    for block in shown:
        assert block.fence.info == "console", f"{page.name}: shell blocks are console blocks, with $ before commands"
        commands = [one.command for one in block.commands]
        assert commands, f"{page.name}: no command in {block.fence.content}"
        unknown = [one for one in commands if not one.startswith(RUN)]
        assert block.not_run or not unknown, f"{page.name}: {unknown} needs <!-- not run: why --> above its block"
    assert any(not block.not_run for block in shown)


@every_page
def test_a_mark_stands_right_above_a_shell_block(page: Page) -> None:
    marks = page.text.count("<!-- not run")
    assert marks == len([block for block in blocks(page) if block.is_shell and block.not_run])


def test_marks_are_for_pages_that_are_followed() -> None:
    others = (page for page in PAGES if page.name not in [followed.name for followed in FOLLOWED])
    assert not [page.name for page in others if any(block.not_run for block in blocks(page))]


@pytest.mark.parametrize(
    ("lines", "output"),
    [
        (("a",), "a\n"),
        (("…",), "a\nb\n"),
        (("…", "b"), "a\nb\n"),
        (("a", "…"), "a\n"),
        (("a … (c)", "…", "z"), "a b (c)\nd\ne\nz\n"),
    ],
)
def test_output_is_compared_with_what_is_shown(lines: tuple[str, ...], output: str) -> None:
    pattern = Shown("", lines).pattern
    assert re.fullmatch(pattern, output)
    assert not re.fullmatch(pattern, "x" + output) or lines[0] == "…"


@pytest.mark.parametrize("lines", [("a",), ("a", "b"), ("…", "a"), ("a", "…", "b")])
def test_output_with_other_lines_is_noticed(lines: tuple[str, ...]) -> None:
    assert not re.fullmatch(Shown("", lines).pattern, "a\nb\nc\n")


def test_all_shells_are_known() -> None:
    infos = {block.fence.info.split()[0] for page in PAGES for block in blocks(page) if block.fence.info}
    assert infos <= {*SHELLS, "python", "json", "toml", "text", "yaml"}
