"""What an answer leaves out, so that it helps those less who search for an image that passes."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from starlette.requests import Request

from pathprint.app.admission.callers import Hardening
from pathprint.app.admission.keys import DETAILS, Detail


def hardening_of(request: Request) -> Hardening:
    """Return how much the answer to a request may say."""
    found: Hardening = getattr(request.state, "hardening", Hardening())
    return found


def least_detail(asked: Detail, allowed: Detail) -> Detail:
    """Return the lesser of two details."""
    return min(asked, allowed, key=DETAILS.index)


def rounded(value: float, digits: int | None, bound: float | None = None) -> float:
    """Return ``value`` with ``digits`` decimals (all if None), on the side of ``bound`` on which it is.

    A score above its threshold stays above it, and one at most the threshold stays at most that. So a rounded score
    never contradicts the verdict: it is rounded to nearest unless that crosses the bound, and then away from it.
    """
    if digits is None:
        return value
    nearest = round(value, digits)
    if bound is None or (nearest > bound) == (value > bound):
        return nearest
    exact, step = Decimal(value), Decimal(1).scaleb(-digits)
    return float(exact.quantize(step, ROUND_CEILING if value > bound else ROUND_FLOOR))
