"""Markup from plain text: whatever is not ``Html`` already is escaped where it is put into markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite

from pathprint.profiling.evaluation.metrics import Estimate


class Html(str):
    """Text that is markup already. Only this module and constants make it."""

    __slots__ = ()


UNDEFINED = "n/a"
"""Shown for rates of no images, and for what was not measured."""
Row = Sequence[str]


def joined(*parts: str) -> Html:
    """Return parts one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def element(tag: str, *children: str, **attributes: object) -> Html:
    """Return an element; ``stroke_width`` is the attribute ``stroke-width``, ``class_`` is ``class``."""
    named = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(str(v))}"' for name, v in attributes.items())
    return Html(f"<{tag}{named}>{joined(*children)}</{tag}>")


def paragraph(*parts: str) -> Html:
    """Return a paragraph."""
    return element("p", *parts)


def table(caption: str, header: Row, rows: Sequence[Row]) -> Html:
    """Return a table whose first column names its rows."""
    head = element("tr", *(element("th", name, scope="col") for name in header))
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(cell if _is_cell(cell) else element("td", cell) for cell in row[1:]),
        )
        for row in rows
    ]
    parts = element("caption", caption), element("thead", head), element("tbody", *body)
    return element("div", element("table", *parts), class_="wide")


def figure(caption: str, *pictures: str) -> Html:
    """Return pictures with one caption, which says how to read them."""
    return element("figure", element("div", *pictures, class_="pictures"), element("figcaption", caption))


def section(title: str, *parts: str) -> Html:
    """Return a section that the table of contents can point to."""
    return element("section", element("h2", title), *parts, id=anchor(title))


def anchor(title: str) -> str:
    """Return the identifier of a section."""
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def not_run(what: str, how: str) -> Html:
    """Return the line that stands where nothing was measured."""
    return element("p", f"Not run: {what}. ", element("code", how), " measures it.", class_="absent")


def percent(share: float) -> str:
    """Return a share in percent, to a tenth."""
    return f"{share:.1%}" if isfinite(share) else UNDEFINED


def decimal(value: float) -> str:
    """Return a number to three decimals."""
    return f"{value:.3f}" if isfinite(value) else UNDEFINED


def percent_between(estimate: Estimate) -> str:
    """Return a share with its interval, in percent."""
    if not isfinite(estimate.value):
        return UNDEFINED
    return f"{100 * estimate.value:.1f}% ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def decimal_between(estimate: Estimate) -> str:
    """Return a number with its interval, to three decimals."""
    if not isfinite(estimate.value):
        return UNDEFINED
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _is_cell(cell: str) -> bool:
    return isinstance(cell, Html) and cell.startswith("<td")
