"""The Markdown files of the repository, read by a parser: lines, links, code and tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "benchmarks", "examples", "deploy", "models", "profiling", "app")
_PARSER = MarkdownIt("commonmark").enable("table")
_HTML_LINK = re.compile(r"\b(?:src|href|srcset)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tokens(self) -> list[Token]:
        return _PARSER.parse(self.text)

    @property
    def inline(self) -> Iterator[Token]:
        """The pieces of running text: words, links, code."""
        for token in self.tokens:
            yield from token.children or ()

    def lines_of(self, *kinds: str) -> set[int]:
        """Return the numbers, from 0, of all lines inside blocks of these kinds."""
        blocks = (token.map for token in self.tokens if token.type in kinds)
        return {number for block in blocks if block for number in range(*block)}

    @property
    def links(self) -> Iterator[str]:
        """Targets of links and images, those in HTML included."""
        for token in self.inline:
            target = token.attrs.get("href") or token.attrs.get("src")
            if target:
                yield str(target)
        for token in [*self.tokens, *self.inline]:
            if token.type.startswith("html_"):
                yield from _HTML_LINK.findall(token.content)

    @property
    def anchors(self) -> set[str]:
        """What links to headings of this page may say after ``#``, by GitHub's rule."""
        found: set[str] = set()
        for token, following in zip(self.tokens, self.tokens[1:], strict=False):
            if token.type == "heading_open":
                title = "".join(part.content for part in following.children or ())
                slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
                number = 1
                while (free := slug if number == 1 else f"{slug}-{number - 1}") in found:
                    number += 1
                found.add(free)
        return found

    @property
    def console(self) -> Iterator[list[str]]:
        """The commands in console blocks, as words: lines that start with ``$``, continued at a backslash."""
        for token in self.tokens:
            if token.type == "fence" and token.info.split()[:1] == ["console"]:
                for line in token.content.replace("\\\n", " ").splitlines():
                    if line.startswith("$ "):
                        yield shlex.split(line[2:], comments=True)

    @property
    def code(self) -> Iterator[str]:
        """Code in running text."""
        return (token.content for token in self.inline if token.type == "code_inline")


def pages() -> list[Page]:
    """Return all Markdown files, sorted by path."""
    files = [*ROOT.glob("*.md"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.md"))]
    return [Page(file) for file in sorted(files)]


PAGES = pages()
