"""Make the problem document of an error."""

from __future__ import annotations

from pathprint.app.problems.document import Problem
from pathprint.app.problems.kinds import KINDS, ProblemError


def describe(found: ProblemError, request_id: str) -> Problem:
    """Return the document that tells the client of request ``request_id`` what went wrong."""
    kind = KINDS[found.code]
    return Problem(
        type=f"urn:pathprint:problem:{found.code}",
        title=kind.title,
        status=kind.status,
        detail=found.detail,
        instance=f"urn:request:{request_id}",
        code=found.code,
        request_id=request_id,
        errors=list(found.errors) if found.errors else None,
    )
