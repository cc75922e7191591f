"""How much an answer says: as much as the client asked for and its API key allows."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from pathprint.app.admission.hardening import hardening_of, least_detail, rounded
from pathprint.app.admission.keys import Detail
from pathprint.app.api.options import Options
from pathprint.app.problems.kinds import ProblemError


@dataclass(frozen=True, slots=True)
class Shown:
    """What an answer shows.

    Attributes:
        digits: decimals of scores, p-values and evidence; all if None.
        top: layers that the evidence lists; all if None.
        timing: whether it says where the time went.
    """

    detail: Detail = "evidence"
    digits: int | None = None
    top: int | None = None
    timing: bool = True

    @property
    def numbers(self) -> bool:
        """Whether it has the numbers behind the verdict."""
        return self.detail != "verdict"

    @property
    def sentences(self) -> bool:
        """Whether it has sentences about layers: they hold the numbers in full, so not where these are rounded."""
        return self.evidence and self.digits is None

    @property
    def evidence(self) -> bool:
        """Whether it has what each layer says."""
        return self.detail == "evidence"

    def round(self, value: float, bound: float | None = None) -> float:
        """Return a number with as many decimals as are shown, on the side of ``bound`` on which it is.

        A rounded score then never contradicts the verdict.
        """
        return rounded(value, self.digits, bound)


def shown(request: Request, options: Options) -> Shown:
    """Return what the answer to a request shows."""
    allowed = hardening_of(request)
    return Shown(least_detail(options.detail, allowed.detail), allowed.digits, options.top_k, options.include_timing)


def shown_in_full(request: Request, options: Options) -> Shown:
    """Return what an explanation shows.

    Raises:
        ProblemError: the API key allows less than that, or the request asks for less.
    """
    if options.detail != "evidence":
        raise ProblemError("bad_parameter", "detail: an explanation is always of `evidence`; leave it out.")
    found = shown(request, options)
    if not found.evidence:
        raise ProblemError("detail_not_allowed", f"This key is answered with `{found.detail}` at most.")
    return found


def shown_as_picture(request: Request, options: Options) -> Shown:
    """Return what a picture shows.

    Raises:
        ProblemError: the API key allows less than evidence in full, or the request asks for less.
    """
    found = shown_in_full(request, options)
    if found.digits is not None:
        raise ProblemError(
            "detail_not_allowed", "This key is answered with rounded numbers, but a picture shows them in full."
        )
    return found


def check_full_numbers(request: Request) -> None:
    """Check that a key may see scores in full: where all decisions are shown, those on its own images are, too.

    Raises:
        ProblemError: it is answered with less, or with rounded numbers.
    """
    allowed, has_key = hardening_of(request), getattr(request.state, "key", None) is not None
    if has_key and (allowed.detail == "verdict" or allowed.digits is not None):
        raise ProblemError("detail_not_allowed", "The monitor shows scores in full, and this key may not see them so.")
