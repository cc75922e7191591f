"""Unmet goals as SARIF 2.1.0, which pipelines show beside the findings of other tools.

A rule is a goal, and a result is a goal that is not met. It stands where the goal stands in the file of goals, which
lies in a repository, as bundles often do not; the bundle's manifest is the related location.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.request import pathname2url

from pathprint.profiling.detection.bundle_files import MANIFEST
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.goals import Goal, Unmet
from pathprint.profiling.writing.whole import whole_file

VERSION = "2.1.0"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluation that was judged by goals.

    Attributes:
        goals_file: where the goals stand.
        bundle: the folder that was evaluated.
    """

    report: Report
    goals: Sequence[Goal]
    unmet: Sequence[Unmet]
    goals_file: Path
    bundle: Path


def write_sarif(judged: Judged, path: Path) -> None:
    """Write the unmet goals to ``path``; missing folders are made.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_text(f"{json.dumps(sarif(judged), indent=2)}\n", encoding="utf-8")


def sarif(judged: Judged) -> dict[str, Any]:
    """Return the unmet goals as JSON-able data in the form of SARIF."""
    settings = judged.report.settings
    rules = {goal.name: number for number, goal in enumerate(judged.goals)}
    driver = {
        "name": "pathprint",
        "semanticVersion": str(settings.get("versions", {}).get("pathprint", "0.0.0")),
        "shortDescription": {"text": "Detects adversarial images by their effective paths."},
        "rules": [_rule(goal) for goal in judged.goals],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "pathprint/evaluate/"},
        "invocations": [{"executionSuccessful": True, **_command(settings)}],
        "results": [_result(one, rules[one.goal.name], judged) for one in judged.unmet],
        "columnKind": "utf16CodeUnits",
    }
    return {"$schema": _SCHEMA, "version": VERSION, "runs": [run]}


def _command(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"commandLine": settings["command"]} if "command" in settings else {}


def _rule(goal: Goal) -> dict[str, Any]:
    limit = f"{'at least' if goal.kind.at_least else 'at most'} {goal.limit:g}"
    text = f"{goal.kind.text} is to be {limit}."
    return {
        "id": goal.name,
        "shortDescription": {"text": _capital(text)},
        "help": {"text": "Fit the detector again, evaluate on more images, or change the goal where it stands."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["adversarial-detection", "machine-learning"]},
    }


def _result(one: Unmet, rule: int, judged: Judged) -> dict[str, Any]:
    """Return a result; it is a warning where the goal lies within the figure's interval, so that chance may decide."""
    measured, manifest = one.measured, _artifact(judged.bundle / MANIFEST)
    known = {"value": measured.value, "low": measured.low, "high": measured.high, "limit": one.goal.limit}
    network = str(judged.report.network.get("name", ""))
    return {
        "ruleId": one.goal.name,
        "ruleIndex": rule,
        "kind": "fail",
        "level": "error" if one.surely else "warning",
        "message": {"text": _capital(one.text)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(judged.goals_file),
                    "region": {"startLine": one.goal.line},
                }
            }
        ],
        "relatedLocations": [
            {"id": 0, "message": {"text": "the bundle's manifest"}, "physicalLocation": {"artifactLocation": manifest}}
        ],
        "partialFingerprints": {"goal/v1": hashlib.sha256(f"{one.goal.name}\0{network}".encode()).hexdigest()},
        "properties": {name: value for name, value in known.items() if isfinite(value)},
    }


def _artifact(path: Path) -> dict[str, str]:
    """Return a file by its path below the current folder, or else as an address."""
    whole = path.resolve()
    if whole.is_relative_to(Path.cwd()):
        return {"uri": pathname2url(str(whole.relative_to(Path.cwd()))), "uriBaseId": "%SRCROOT%"}
    return {"uri": whole.as_uri()}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
