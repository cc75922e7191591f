"""Templates: each can be read, none switches escaping off, and a forgotten value is an error."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError
from jinja2.nodes import EvalContextModifier, Filter, ScopedEvalContextModifier
from markupsafe import Markup

from pathprint.profiling import studies
from pathprint.profiling.evaluation import report
from pathprint.profiling.evaluation.report.rendering import anchor, environment, section


def sources() -> dict[str, str]:
    """Return the text of every template, also of those that only a study fills, by its file's name."""
    found = [path for room in (report, studies) for path in Path(room.__path__[0]).rglob("*.jinja")]
    return {path.name: path.read_text(encoding="utf-8") for path in found}


@pytest.mark.parametrize("name", sources())
def test_every_template_can_be_read_and_escapes(name: str) -> None:
    tree = environment().parse(sources()[name])
    assert "safe" not in {used.name for used in tree.find_all(Filter)}
    assert not list(tree.find_all((EvalContextModifier, ScopedEvalContextModifier)))  # {% autoescape false %}


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'rows' is undefined"):
        section("settings")


def test_only_markup_enters_as_markup() -> None:
    shown = section("settings", rows=[("<i>", Markup("<i>!</i>"))])
    assert '<th scope="row">&lt;i&gt;</th>' in shown
    assert "<td><i>!</i></td>" in shown


@pytest.mark.parametrize(("title", "expected"), [("The papers' split", "the-papers-split"), (" ROC: a ", "roc-a")])
def test_anchors_are_words_joined_by_hyphens(title: str, expected: str) -> None:
    assert anchor(title) == expected
