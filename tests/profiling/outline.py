"""What a browser finds in a page: its elements in order, its text, and the JSON in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

HOSTILE = """<script>alert("1")</script>&amp;'{{ 7 * 7 }}-->]]>"""
"""A name that would be markup, an attribute's end or a template's expression if it were not escaped once."""
VOID = {"meta"}


class Outline(HTMLParser):
    """Checks that elements close in order; collects what the tests ask for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.json: dict[str, Any] = {}
        self.pictures = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "pre":
            key = str(self.found[-1][1].get("id", "")).removeprefix("json-")
            self.json[key] = json.loads(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def attributes(self) -> list[str]:
        return [value for _, attributes in self.found for value in attributes.values() if value]


def assert_same_but_for_names(harmless: Outline, hostile: Outline, mark: str) -> None:
    """Check that where ``mark`` is in one page, ``HOSTILE`` is in the other, as text and in attributes, and no more."""

    def marked(value: str | None) -> str | None:
        return value and value.replace(mark, HOSTILE)

    renamed = [(tag, {key: marked(value) for key, value in found.items()}) for tag, found in harmless.found]
    assert hostile.found == renamed
    assert hostile.words == [marked(word) for word in harmless.words]
    assert hostile.text.count(HOSTILE) > 0
    assert any(HOSTILE in value for value in hostile.attributes)
    assert len(hostile.pictures) == len(harmless.pictures) > 0  # which are XML, both
