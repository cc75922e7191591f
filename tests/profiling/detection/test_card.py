"""A verdict in a notebook: what it says is in it, and no name of a class becomes part of the page."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Verdict


class Read(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def verdict_of(bundle: Bundle) -> Verdict:
    return bundle.detector.examine(bundle.golden[None])[0]


def test_the_card_says_what_the_verdict_says(bundle: Bundle) -> None:
    verdict = replace(verdict_of(bundle), note="Too near.")
    found = Read(verdict._repr_html_())
    assert not found.open
    assert verdict.decision.capitalize() in found.text
    assert f"{verdict.score:.2f}" in found.text
    assert f"{verdict.threshold:.2f}" in found.text
    assert "Too near." in found.text
    assert all(reason in found.text for reason in verdict.reasons)


@given(st.text(min_size=1).filter(lambda text: "\r" not in text and "\x00" not in text))
def test_no_name_of_a_class_becomes_markup(bundle: Bundle, name: str) -> None:
    plain = verdict_of(bundle)
    found = Read(replace(plain, label=f"<script>{name}", runner_up_label=f"&lt;{name}\"'")._repr_html_())
    assert found.tags == Read(plain._repr_html_()).tags
    assert f"<script>{name}" in found.text
    assert f"&lt;{name}\"'" in found.text
