"""A flagged image as an event that security systems take, in the form that they agree on.

The form is the Detection Finding of the Open Cybersecurity Schema Framework (https://schema.ocsf.io).
The techniques are those of MITRE ATLAS, which names what attackers do to systems that learn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

SCHEMA_VERSION = "1.5.0"
"""Of the Open Cybersecurity Schema Framework."""
CLASS_UID = 2004
"""Of the class Detection Finding."""
_CREATE = 1
_ATTACKS = (
    ("AML.TA0007", "Defense Evasion", "AML.T0015", "Evade AI Model"),
    ("AML.TA0001", "AI Attack Staging", "AML.T0043", "Craft Adversarial Data"),
)
"""Tactic and technique, each with its number in MITRE ATLAS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """What is known about an image whose score is above the threshold.

    Attributes:
        time: when it was judged, with a time zone.
        name: of its file; empty where nobody knows it.
        sha256: of the bytes that were judged.
        model, model_version: what the bundle is known by; empty where it has no such name.
        decision: ``adversarial``, or ``uncertain`` for the reason that ``note`` gives.
        test: the test that gave the score (see ``joined``); empty where nobody says it.
        stage: the stage in which the image ended, from 1; None where nobody says it.
        inferences: what the verdict cost, counted in inferences of the network; None where nobody says it.
        request_id, key_id: of the request to the service; empty elsewhere.
        reasons: what the layers say that move the score most, as sentences.
    """

    time: datetime
    sha256: str
    bundle_sha256: str
    decision: str
    predicted: int
    label: str
    confidence: float | None
    score: float | None
    threshold: float | None
    p_value: float | None
    reasons: tuple[str, ...] = ()
    note: str = ""
    test: str = ""
    stage: int | None = None
    inferences: int | None = None
    name: str = ""
    model: str = ""
    model_version: str = ""
    request_id: str = ""
    key_id: str = ""

    @property
    def uid(self) -> str:
        """Names the finding; an event that is sent twice has it twice, so that it is not taken for two."""
        return hashlib.sha256(f"{self.bundle_sha256}:{self.sha256}:{self.request_id}".encode()).hexdigest()[:32]


def detection_finding(image: Flagged) -> dict[str, Any]:
    """Return the event on a flagged image, as JSON-able data."""
    sure = image.decision == "adversarial"
    milliseconds = int(image.time.timestamp() * 1000)
    return {
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS_UID,
        "class_name": "Detection Finding",
        "activity_id": _CREATE,
        "activity_name": "Create",
        "type_uid": CLASS_UID * 100 + _CREATE,
        "type_name": "Detection Finding: Create",
        "time": milliseconds,
        "severity_id": 4 if sure else 3,
        "severity": "High" if sure else "Medium",
        "confidence_id": 3 if sure else 1,
        "confidence": "High" if sure else "Low",
        "status_id": 1,
        "status": "New",
        "is_alert": True,
        "message": _message(image),
        "metadata": _metadata(image),
        "finding_info": _finding_info(image, milliseconds),
        "evidences": [_evidence(image)],
        "observables": [
            {"name": "evidences[].file.hashes[].value", "type_id": 8, "type": "Hash", "value": image.sha256}
        ],
        "resources": [
            {"type": "Image classifier", "name": image.model or "image classifier", "uid": image.bundle_sha256}
            | ({"version": image.model_version} if image.model_version else {})
        ],
    }


def _message(image: Flagged) -> str:
    doubt = "" if image.decision == "adversarial" else f" The verdict is {image.decision}. {image.note}"
    return f"The image that the network answers with '{image.label}' looks adversarial.{doubt}"


def _metadata(image: Flagged) -> dict[str, Any]:
    product = {"name": "Pathprint", "vendor_name": "Pathprint", "version": _own_version()}
    correlation = {"correlation_uid": image.request_id} if image.request_id else {}
    return {"version": SCHEMA_VERSION, "uid": image.uid, "product": product, **correlation}


def _finding_info(image: Flagged, milliseconds: int) -> dict[str, Any]:
    return {
        "uid": image.uid,
        "title": "Adversarial image",
        "desc": " ".join(image.reasons),
        "types": ["Adversarial image"],
        "created_time": milliseconds,
        "analytic": {
            "type_id": 4,
            "type": "Learning (ML/DL)",
            "name": "Effective path through the network",
            "uid": image.bundle_sha256,
        },
        "attacks": [
            {"tactic": {"uid": tactic, "name": staging}, "technique": {"uid": technique, "name": name}}
            for tactic, staging, technique, name in _ATTACKS
        ],
    }


def _evidence(image: Flagged) -> dict[str, Any]:
    found = {
        "verdict": image.decision,
        "test": image.test,
        "score": image.score,
        "threshold": image.threshold,
        "p_value": image.p_value,
        "predicted": image.predicted,
        "label": image.label,
        "confidence": image.confidence,
        "stage": image.stage,
        "inferences": image.inferences,
        "note": image.note,
    }
    evidence: dict[str, Any] = {
        "file": {
            "name": image.name or image.sha256,
            "type_id": 1,
            "type": "Regular File",
            "hashes": [{"algorithm_id": 3, "algorithm": "SHA-256", "value": image.sha256}],
        },
        "data": {name: value for name, value in found.items() if value not in (None, "")},
    }
    return evidence | ({"actor": {"user": {"uid": image.key_id}}} if image.key_id else {})


def _own_version() -> str:
    try:
        return version("pathprint")
    except PackageNotFoundError:  # run from its sources
        return "unknown"
