"""Sphinx reads this: ``make docs`` makes a site of the Markdown files where they lie. Warnings are errors.

Nothing is loaded from other hosts, so the site can be made without a network, and opened as files.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(Path(__file__).parent)]  # this checkout, whatever is installed

import navigation  # noqa: E402
import reference  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

project = "Pathprint"
html_title = "Pathprint"
root_doc = "README"
suppress_warnings = ["misc.highlighting_failure"]  # examples of JSON are shortened by …
include_patterns = ["*.md", "docs/**.md", "benchmarks/**.md"]
exclude_patterns = [".*", "build", "dist", "bundles", "tests"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

myst_heading_anchors = 6  # links may name any heading, as on code hosts

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_static_path = ["assets"]
html_css_files = ["site.css"]
html_extra_path = ["root"]  # index.html, which leads to the first page
html_copy_source = False
html_show_sourcelink = False


def setup(app: Sphinx) -> None:
    """Add what follows from docs/README.md and from the program."""
    navigation.setup(app)
    reference.setup(app)
