"""Sections that come last: images set aside, settings, and every figure as it is in the JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.report.rendering import section


def set_aside(report: Report) -> Markup:
    """Return the section on images that count neither as clean nor as adversarial."""
    return section("set_aside", misclassified=report.misclassified, detector=report.detector)


def settings(report: Report) -> Markup:
    """Return the section with the settings of the evaluation."""
    rows = [(f"network.{name}", value) for name, value in report.network.items()]
    return section("settings", rows=[*rows, *_flat(report.settings)] if report.settings else [])


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


def every_figure(report: Report) -> Markup:
    """Return the section with the whole JSON, key by key."""
    return section("every_figure", figures={key: json.dumps(value) for key, value in report.to_dict().items()})
