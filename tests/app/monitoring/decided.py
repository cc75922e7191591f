"""Decisions for tests of what listens to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pathprint.app.monitoring.decisions import Decision

_DECISION = Decision(
    time=datetime(2026, 11, 27, 8, 0, tzinfo=UTC),
    request_id="4f1c",
    key_id="gate",
    model="digits-cnn",
    version="8fbb6a03d22d",
    bundle_sha256="8fbb6a03d22dbe526b44ed45646a411f5711f535e763325fa0dce364a6164039",
    verdict="adversarial",
    flagged=True,
    test="fitted_on_attacks",
    score=2.19736,
    threshold=0.620748,
    p_value=0.00826446,
    predicted=8,
    label="8",
    confidence=0.997946,
    stage=1,
    inferences=3,
    sha256="4d73e9d419a7714db6a2b6ff0c6edfd94c9cae7287f2da5e23eab36440c729dd",
    milliseconds=8.675,
    decode=0.653,
    queue=0.133,
    compute=7.329,
    reasons=("Layer 2 (convolution) points towards adversarial: few of the units are usual for '8'.",),
)


def decision(**changed: Any) -> Decision:
    """Return the decision on an attacked digit, with the fields that ``changed`` names."""
    return replace(_DECISION, **changed)
