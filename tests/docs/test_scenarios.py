"""docs/service-scenarios.md lists all scenarios, and each test that it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "service-scenarios.md")
SCENARIOS = 60
_ROW = re.compile(r"\| (\d+)([a-z]?) \| .+ \| .+ \| `(\S+)::(\w+)` \|")


def rows() -> list[tuple[int, str, str, str]]:
    """Return number, letter, file and test of each row of the page's tables."""
    lines = [line for line in PAGE.text.splitlines() if re.match(r"\| \d", line)]
    found = [_ROW.fullmatch(line) for line in lines]
    assert all(found), f"rows of another form: {[line for line, row in zip(lines, found, strict=True) if not row]}"
    return [(int(row[1]), row[2], row[3], row[4]) for row in found if row]


def functions(file: str) -> set[str]:
    """Return the names of the tests in a file, without importing it."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    return {part.name for part in body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_scenario_is_listed_in_order_with_its_parts() -> None:
    numbers = [number for number, *_ in rows()]
    letters = ["".join(letter for found, letter, *_ in rows() if found == number) for number in range(1, SCENARIOS + 1)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, SCENARIOS + 1))
    assert all(of_one == "abcdefghij"[: len(of_one)] and len(of_one) != 1 for of_one in letters)


@pytest.mark.parametrize("file", sorted({file for _, _, file, _ in rows()}))
def test_every_test_that_is_named_exists(file: str) -> None:
    named = {test for _, _, found, test in rows() if found == file}
    assert all(name.startswith("test_") for name in named)
    assert not named - functions(file), f"{file} has no {', '.join(sorted(named - functions(file)))}"
