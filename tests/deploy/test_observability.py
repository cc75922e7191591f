"""The dashboard and the alert rules parse, and every metric and label that they name exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pathprint.app.monitoring.drift import Reference
from pathprint.app.monitoring.metrics import Metrics
from pathprint.app.monitoring.query_attacks import Alarm
from pathprint.app.monitoring.requests import REASONS
from pathprint.app.monitoring.state import Source, State, registered
from pathprint.app.monitoring.windows import Windows
from pathprint.profiling.detection.calibration import calibrate
from tests.app.monitoring.decided import decision

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "pathprint.json").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
PAGE = Path(__file__).parents[2] / "docs" / "service-monitoring.md"
OF_PROMETHEUS = {"job", "instance"}
_SELECTOR = re.compile(r"\b((?:pathprint|process)_\w+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r'(\w+)\s*(?:=~|!=|=|!~)\s*"([^"]*)"')


@pytest.fixture(scope="module")
def samples() -> dict[str, set[str]]:
    """Return the labels of each sample that a service gives which has judged images."""
    clean = np.sort(np.random.default_rng(0).normal(size=100))
    metrics, windows = Metrics(), Windows(lambda _: Reference(calibrate(clean), clean), 100, 10)
    for _ in range(10):
        metrics.decided(decision())
        metrics.alarmed(Alarm(decision(), "alert", 50, 512))
        windows.decided(decision())
    metrics.requests.labels("/v1/detect", "2xx", "").inc()
    metrics.request_seconds.labels("/v1/detect").observe(0.1)
    metrics.rejected.labels("rate").inc()
    metrics.decode_errors.labels("empty_input").inc()
    metrics.events.labels("dropped").inc()
    facts = dict.fromkeys(("model", "version", "bundle_sha256", "fingerprint"), "x")
    source = Source(lambda: [facts], lambda: 0, lambda: {"swapped": 1})
    found: dict[str, set[str]] = {}
    with registered(metrics.registry, windows, State(source)):
        for family in metrics.registry.collect():
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]
    for rule in rules():
        yield rule["alert"], rule["expr"]


def rules() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


@pytest.mark.parametrize(("name", "expression"), list(expressions()))
def test_every_metric_and_label_exists(samples: dict[str, set[str]], name: str, expression: str) -> None:
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")
    selectors = _SELECTOR.findall(expression)
    assert selectors or "up{" in expression
    labels: set[str] = set()
    for metric, inside in selectors:
        assert metric in samples, f"{name}: there is no metric {metric}"
        own = samples[metric] | OF_PROMETHEUS
        labels |= own
        for label, value in _LABEL.findall(inside):
            assert label in own, f"{name}: {metric} has no label {label}"
            if label == "reason":
                assert set(value.split("|")) <= set(REASONS.values())
    for listed in re.findall(r"by \(([^)]*)\)", expression):
        assert set(re.split(r",\s*", listed)) <= labels, f"{name}: by ({listed})"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_is_wrong_and_the_docs_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["alert"] in PAGE.read_text()


def test_panels_do_not_overlap_and_each_is_explained() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    taken = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert all(panel["description"].endswith(".") for panel in DASHBOARD["panels"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_every_metric_of_ours_is_in_the_docs(samples: dict[str, set[str]]) -> None:
    named = [name for name in samples if name.startswith("pathprint_") and not name.endswith("_created")]
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named}
    page = PAGE.read_text()
    assert [name for name in sorted(ours) if f"`{name}`" not in page] == []
