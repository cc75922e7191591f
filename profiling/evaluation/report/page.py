"""The report's page: one file that needs no network and no JavaScript."""

from __future__ import annotations

from pathlib import Path

from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.report import comparisons, distributions, headline, record, typical
from pathprint.profiling.evaluation.report.rendering import environment
from pathprint.profiling.writing.whole import whole_file

_SECTIONS = {
    "Summary": headline.summary,
    "Attacks": headline.attacks,
    "Typical images": typical.typical,
    "Which test found what": comparisons.tests,
    "ROC curves": distributions.curves,
    "Other detectors": comparisons.other_detectors,
    "Unseen attacks": comparisons.unseen_attacks,
    "An attacker who knows the detector": comparisons.adaptive_attack,
    "Scores": distributions.scores,
    "Layers": distributions.layers,
    "Calibration": distributions.calibration,
    "Benign changes": comparisons.benign_changes,
    "Set aside": record.set_aside,
    "The papers' split": comparisons.papers_split,
    "Settings": record.settings,
    "Every figure": record.every_figure,
}


def page(report: Report) -> str:
    """Return the report as HTML."""
    name = report.network.get("name", "a network")
    sections = {title: make(report) for title, make in _SECTIONS.items()}
    return environment().get_template("report.html.jinja").render(network=name, sections=sections)


def write_page(report: Report, path: Path) -> None:
    """Write the report as HTML to ``path``; missing folders are made.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_text(page(report), encoding="utf-8")
