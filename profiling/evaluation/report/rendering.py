"""Fill templates: every value is escaped when it enters a page, and a variable without a value is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pathprint.profiling.evaluation.report import rounding

_SHARED = Path(__file__).with_name("templates")


@cache
def environment(*folders: Path) -> Environment:
    """Return an environment with the templates in ``folders`` and those of the report, its base page and macros.

    Templates round numbers with filters that are named like the functions in ``rounding``.
    """
    made = Environment(
        loader=FileSystemLoader([*folders, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rounded = (
        rounding.percent,
        rounding.percent_between,
        rounding.decimal,
        rounding.decimal_between,
        rounding.significant,
    )
    made.filters |= {write.__name__: write for write in (*rounded, anchor)}
    made.globals["UNDEFINED"] = rounding.UNDEFINED
    return made


def section(name: str, **values: object) -> Markup:
    """Return a section of the report: ``templates/sections/<name>.html.jinja``, filled with values."""
    filled = environment().get_template(f"sections/{name}.html.jinja").render(values)
    return Markup(filled)  # noqa: S704  # the environment has escaped what is not markup


def anchor(title: str) -> str:
    """Return the HTML identifier of a section, which the table of contents links to."""
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
