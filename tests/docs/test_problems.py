"""docs/problems.md explains every problem of the service."""

from __future__ import annotations

from pathprint.app.api.examples import recorded
from pathprint.app.problems.kinds import KINDS
from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "problems.md")


def rows() -> dict[str, tuple[int, str, str]]:
    """Return status, meaning and advice by code, as the page's table has them."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.text.splitlines() if line.startswith("| `")]
    assert len({line[0] for line in lines}) == len(lines), "a code is explained twice"
    return {code.strip("`"): (int(status), meaning, advice) for code, status, meaning, advice in lines}


def test_every_problem_is_explained() -> None:
    explained = rows()
    assert set(KINDS) == set(explained)
    for code, kind in KINDS.items():
        assert explained[code][:2] == (kind.status, kind.title)
        assert explained[code][2].endswith(".")


def test_the_example_is_a_recorded_problem() -> None:
    problem = recorded("detect_batch")["results"][1]["problem"]
    assert all(f'"{name}": ' in PAGE.text for name in problem)
    assert f'"{problem["detail"]}"' in PAGE.text
