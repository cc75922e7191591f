"""One line of the log for each decision, with what identifies the image and never the image itself."""

from __future__ import annotations

import structlog
from torch import Tensor

from pathprint.app.monitoring.decisions import Decision

log = structlog.get_logger("app")
FIELDS = (
    "request_id",
    "key_id",
    "model",
    "version",
    "bundle_sha256",
    "verdict",
    "flagged",
    "test",
    "score",
    "threshold",
    "p_value",
    "stage",
    "inferences",
    "predicted",
    "label",
    "sha256",
)
"""What the line says of a decision; `pathprint recalibrate` reads ``score`` and ``bundle_sha256`` again."""


def log_decision(decision: Decision, pixels: Tensor | None = None) -> None:
    """Write the line of a decision; a listener to ``Decisions``."""
    log.info("decision", **{name: getattr(decision, name) for name in FIELDS})
