"""The sections of the site are the headings of docs/README.md, and their pages are the links in its lists.

A list item that begins with a link to a page is an entry with the words of the link. A README.md in another folder
lists the pages beside it, and the folders below. A page that is in neither place is an error.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from markdown_it.token import Token
    from sphinx.application import Sphinx

_LIST = Path(__file__).parents[1] / "README.md"


def setup(app: Sphinx) -> None:
    """Have tables of contents added to the pages that list others."""
    app.connect("source-read", _add_contents)


def _add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "README":
        source[0] += contents("", ["All pages </docs/README>"])
        for caption, entries in sections(_LIST.read_text(encoding="utf-8")).items():
            source[0] += contents(f":caption: {caption}\n", entries)
    elif docname.endswith("/README") and docname != "docs/README":
        source[0] += contents("", [f"/{name}" for name in sorted(app.env.found_docs) if is_below(name, docname)])


def is_below(page: str, readme: str) -> bool:
    """Return whether a page lies beside a README.md, or is the README.md of a folder there."""
    place = PurePosixPath(page.removesuffix("/README"))
    return page != readme and place.parent == PurePosixPath(readme).parent


def contents(options: str, entries: list[str]) -> str:
    """Return a table of contents that shows at the side only."""
    if not entries:
        return ""
    return "\n```{toctree}\n:hidden:\n" + options + "\n" + "\n".join(entries) + "\n```\n"


def sections(text: str) -> dict[str, list[str]]:
    """Return the entries of each section, in Sphinx's form. A heading below another one has the words of both."""
    tokens = MarkdownIt("commonmark").parse(text)
    found: dict[str, list[str]] = {}
    above = caption = ""
    for before, token in pairwise(tokens):
        if before.type == "heading_open" and before.tag == "h2":
            above = caption = token.content
        elif before.type == "heading_open" and before.tag == "h3":
            caption = f"{above}: {token.content.lower()}"
        elif before.type == "paragraph_open" and before.level > 1 and (entry := _entry(token)):
            found.setdefault(caption, []).append(entry)
    return found


def _entry(item: Token) -> str | None:
    """Return the words of the link at the begin of a list item, and the page it leads to."""
    first, *rest = item.children or ()
    if first.type != "link_open":
        return None
    words = "".join(part.content for part in rest[: [part.type for part in rest].index("link_close")])
    target = normpath(f"docs/{first.attrs['href']}")
    return f"{words} </{target.removesuffix('.md')}>"
