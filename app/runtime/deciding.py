"""From an examination to the decision that monitoring, audit and events are told."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.datastructures import State

from pathprint.app.monitoring.decisions import Decision
from pathprint.app.runtime.examiner import Examination
from pathprint.app.runtime.models import Loaded


def decision_of(examination: Examination, loaded: Loaded, state: State, milliseconds: float) -> Decision:
    """Return what was decided about an image.

    Args:
        state: of the request; holds its id, and the key that it was asked with, if there is one.
        milliseconds: from the start of the request to its answer.
    """
    verdict = examination.verdict
    return Decision(
        time=datetime.now(UTC),
        request_id=state.request_id,
        key_id=getattr(getattr(state, "key", None), "id", None),
        model=loaded.name,
        version=loaded.version,
        bundle_sha256=loaded.bundle.sha256,
        verdict=verdict.decision,
        flagged=verdict.flagged,
        test=verdict.test,
        score=verdict.score,
        threshold=verdict.threshold,
        p_value=verdict.p_value,
        predicted=verdict.predicted,
        label=verdict.label,
        confidence=verdict.confidence,
        stage=verdict.stage,
        inferences=verdict.inferences,
        sha256=examination.image.sha256,
        milliseconds=milliseconds,
        decode=examination.decode,
        queue=examination.queue,
        compute=examination.compute,
        batch=getattr(examination, "batch", 1),
        reasons=verdict.reasons,
        note=verdict.note,
    )
