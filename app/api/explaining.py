"""How many explanations are made at the same time: whoever reads them is patient, and verdicts come first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from pathprint.app.problems.kinds import ProblemError


@contextmanager
def place_to_explain(request: Request, most: int) -> Iterator[None]:
    """Hold one of ``most`` places during the block; only the event loop counts them.

    Raises:
        ProblemError: all are taken.
    """
    state = request.app.state
    if getattr(state, "explaining", 0) >= most:
        detail = f"At most {most} explanations are made at the same time; try again soon, or ask for `evidence`."
        raise ProblemError("explain_busy", detail, {"Retry-After": "1"})
    state.explaining = getattr(state, "explaining", 0) + 1
    try:
        yield
    finally:
        state.explaining -= 1
