"""The page of a study: what was found, and nothing that a name adds to it."""

from dataclasses import dataclass
from typing import Any

from pathprint.profiling.studies.findings import Drawing, Sheet
from pathprint.profiling.studies.page import page
from tests.profiling.outline import HOSTILE, Outline, assert_same_but_for_names

MARK = "(marked)"


@dataclass(frozen=True)
class Named:
    """Findings in which every name ends in ``mark``."""

    mark: str
    drawn: bool = True

    @property
    def title(self) -> str:
        return f"Lines of {self.mark}"

    def sheets(self) -> list[Sheet]:
        mark = self.mark
        return [Sheet(f"Table {mark}", ("layer", f"column {mark}"), ((f"row {mark}", f"1 {mark}"),))]

    def drawings(self) -> list[Drawing]:
        mark = self.mark
        drawing = Drawing(f"Line {mark}", f"x {mark}", f"y {mark}", [0, 1], [0.5, float("nan")])
        return [drawing] if self.drawn else []

    def to_dict(self) -> dict[str, Any]:
        return {self.mark: [self.mark, float("nan")]}


def test_names_are_text_wherever_they_stand() -> None:
    outline = Outline(page(Named(HOSTILE)))
    assert_same_but_for_names(Outline(page(Named(MARK))), outline, MARK)
    assert outline.json == {"": {HOSTILE: [HOSTILE, None]}}


def test_sections_without_content_are_left_out() -> None:
    outline = Outline(page(Named(MARK, drawn=False)))
    assert [found["id"] for tag, found in outline.found if tag == "section"] == ["tables", "every-figure"]
    assert [found["href"] for tag, found in outline.found if tag == "a"] == ["#tables", "#every-figure"]
