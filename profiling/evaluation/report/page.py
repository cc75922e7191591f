"""The page: one file that needs no network and no JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.report import comparisons, drawn, record, sections
from pathprint.profiling.evaluation.report.elements import Html, anchor, element, joined

_SECTIONS = {
    "Summary": sections.headline,
    "Attacks": sections.attacks,
    "ROC curves": drawn.curves,
    "Other detectors": comparisons.baselines,
    "Unseen attacks": comparisons.left_out,
    "An attacker who knows the detector": comparisons.adaptive,
    "Scores": drawn.scores,
    "Layers": drawn.layers,
    "Calibration": drawn.calibration,
    "Benign changes": comparisons.controls,
    "Set aside": record.set_aside,
    "The papers' split": comparisons.paper,
    "Settings": record.settings,
    "Every figure": record.every_figure,
}
_HEAD = Html(
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    # The browser itself then sees to it that the page loads nothing.
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)


def page(report: Report) -> str:
    """Return the report as HTML."""
    name = report.network.get("name", "a network")
    heading = joined("Evaluation of the detector for ", element("em", name))
    made = {title: make(report) for title, make in _SECTIONS.items()}
    return document(f"Pathprint evaluation of {name}", heading, made)


def document(title: str, heading: str, sections: Mapping[str, Html]) -> str:
    """Return a whole page of sections by their titles, with a table of contents."""
    style = Html(Path(__file__).with_name("style.css").read_text(encoding="utf-8"))
    head = element("head", _HEAD, element("title", title), element("style", style))
    links = [element("li", element("a", name, href=f"#{anchor(name)}")) for name in sections]
    contents = element("nav", element("ul", *links), aria_label="Contents")
    main = element("main", *sections.values())
    body = element("body", element("header", element("h1", heading), contents), main)
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def write_page(report: Report, path: Path) -> None:
    """Write the report; folders on the way are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(report), encoding="utf-8")
