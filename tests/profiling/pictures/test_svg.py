"""Text and attributes of pictures come back from a parser as they went in."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from pathprint.profiling.pictures.svg import element, words
from tests.profiling.outline import HOSTILE

LEGAL = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
"""What XML can hold at all, without the line breaks and tabs that it turns into spaces in attributes."""


@given(LEGAL, LEGAL)
def test_any_text_is_read_back(text: str, name: str) -> None:
    read = ElementTree.fromstring(element("text", text, aria_label=name))
    assert (read.text or "", read.get("aria-label")) == (text, name)


def test_parts_that_are_markup_already_stay_so() -> None:
    read = ElementTree.fromstring(element("g", element("title", "a & b"), words(0, 0, HOSTILE, "start")))
    assert [(part.tag, part.text) for part in read] == [("title", "a & b"), ("text", HOSTILE)]


def test_even_markup_cannot_end_an_attribute() -> None:
    label = Markup('"><script>')
    assert ElementTree.fromstring(element("g", aria_label=label)).get("aria-label") == label
