"""Events have the form that security systems expect, and say what is known and nothing more."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pathprint.profiling.detection.ocsf import Flagged, detection_finding
from tests.profiling.detection.finding import check_finding

IMAGE = Flagged(
    time=datetime(2026, 11, 27, 8, 0, tzinfo=UTC),
    sha256="4d" * 32,
    bundle_sha256="8f" * 32,
    decision="adversarial",
    predicted=8,
    label="8",
    confidence=0.99,
    score=2.2,
    threshold=0.6,
    p_value=0.008,
    reasons=("Layer 2 points towards adversarial.",),
)


@pytest.mark.parametrize(
    "image",
    [
        IMAGE,
        replace(IMAGE, decision="uncertain", note="The score is too near the threshold."),
        replace(IMAGE, confidence=None, score=None, threshold=None, p_value=None, reasons=()),
        replace(IMAGE, name="seven.png", model="digits-cnn", model_version="3", request_id="4f1c", key_id="gate"),
    ],
    ids=["plain", "uncertain", "numbers kept back", "of a service"],
)
def test_an_event_has_what_the_schema_requires(image: Flagged) -> None:
    check_finding(json.loads(json.dumps(detection_finding(image))))


def test_what_is_not_known_is_left_out() -> None:
    text = json.dumps(detection_finding(replace(IMAGE, score=None)))
    assert "null" not in text
    assert "actor" not in text
    assert '"actor": {"user": {"uid": "gate"}}' in json.dumps(detection_finding(replace(IMAGE, key_id="gate")))


def test_what_the_verdict_cost_is_part_of_the_evidence() -> None:
    (evidence,) = detection_finding(replace(IMAGE, stage=3, inferences=6))["evidences"]
    assert (evidence["data"]["stage"], evidence["data"]["inferences"]) == (3, 6)


def test_the_finding_is_named_by_image_bundle_and_request() -> None:
    uid = detection_finding(IMAGE)["finding_info"]["uid"]
    assert detection_finding(replace(IMAGE, time=datetime.now(UTC)))["finding_info"]["uid"] == uid
    others = [replace(IMAGE, sha256=""), replace(IMAGE, bundle_sha256=""), replace(IMAGE, request_id="x")]
    assert uid not in {detection_finding(other)["finding_info"]["uid"] for other in others}
