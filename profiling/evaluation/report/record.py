"""What was set aside, what the evaluation ran with, and every figure as it is in the JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.report.elements import Html, element, paragraph, percent_between, section, table


def set_aside(report: Report) -> Html:
    """Return images that count neither as clean nor as adversarial."""
    wrong = report.detector.misclassified_flagged
    rows = [
        ("clean images that the network answers wrongly", str(report.misclassified), percent_between(wrong)),
        *(
            (f"{name}: answer unchanged", str(found.failed_flagged.images), percent_between(found.failed_flagged))
            for name, found in report.detector.attacks.items()
        ),
    ]
    note = (
        "These images count in no rate above; they are here so that nothing is lost. Flagged: at the threshold "
        "meant for 5%."
    )
    return section(
        "Set aside",
        table("Misclassified images and failed attacks", ("images", "number", "flagged"), rows),
        paragraph(note),
    )


def settings(report: Report) -> Html:
    """Return what the evaluation ran with."""
    if not report.settings:
        return section("Settings", paragraph("Not recorded."))
    rows = [(f"network.{name}", value) for name, value in report.network.items()]
    return section(
        "Settings", table("What this evaluation ran with", ("setting", "value"), [*rows, *_flat(report.settings)])
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield prefix + name, ", ".join(map(_short, value))
        else:
            yield prefix + name, _short(value)


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def every_figure(report: Report) -> Html:
    """Return the whole JSON, key by key."""
    parts = [
        element("details", element("summary", key), element("pre", json.dumps(value), class_="json", id=f"json-{key}"))
        for key, value in report.to_dict().items()
    ]
    note = "The same figures as `pathprint evaluate --json`, with all digits; docs/evaluation.md says what each key is."
    return section("Every figure", paragraph(note), *parts)
