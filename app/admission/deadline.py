"""Until when the answer to a request is of use: what the client says, within what the operator allows."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from starlette.datastructures import Headers

from pathprint.app.problems.document import ParameterProblem
from pathprint.app.problems.kinds import ProblemError

HEADER = "X-Request-Timeout-Ms"
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take.

    Attributes:
        seconds: from its arrival if the client has ``said`` so, else from the arrival of its whole body.
    """

    seconds: float
    said: bool

    def deadline(self) -> float:
        """Return the deadline of a request whose time begins now, in seconds of ``time.monotonic``."""
        return monotonic() + self.seconds


def patience(headers: Headers, usual: float, most: float) -> Patience:
    """Return how long a request may take: ``usual`` seconds unless it says otherwise, and never more than ``most``.

    Raises:
        ProblemError: the header is not a number of milliseconds.
    """
    said = headers.getlist(HEADER)
    if not said:
        return Patience(min(usual, most), said=False)
    text = said[0].strip()
    if len(said) > 1 or not (text.isascii() and text.isdecimal() and int(text[:_DIGITS]) > 0):
        wrong = ParameterProblem(parameter=HEADER, detail="must be a whole number of milliseconds above 0")
        raise ProblemError("bad_parameter", f"{wrong.parameter}: {wrong.detail}.", errors=[wrong])
    return Patience(min(int(text[:_DIGITS]) / 1000 if len(text) <= _DIGITS else most, most), said=True)
