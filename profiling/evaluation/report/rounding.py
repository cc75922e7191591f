"""How pages write numbers."""

from __future__ import annotations

from math import isfinite, isnan

from pathprint.profiling.evaluation.metrics import Estimate

UNDEFINED = "n/a"
"""Shown for rates over no images, and for figures that were not measured."""


def percent(share: float) -> str:
    """Return a share in percent, rounded to a tenth."""
    return f"{share:.1%}" if isfinite(share) else UNDEFINED


def decimal(value: float) -> str:
    """Return a number to three decimals."""
    return f"{value:.3f}" if isfinite(value) else UNDEFINED


def significant(value: float | None, digits: int = 3) -> str:
    """Return a number rounded to ``digits`` significant digits."""
    return UNDEFINED if value is None or isnan(value) else f"{value:.{digits}g}"


def percent_between(estimate: Estimate) -> str:
    """Return a share with its interval, in percent."""
    if not isfinite(estimate.value):
        return UNDEFINED
    return f"{100 * estimate.value:.1f}% ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def decimal_between(estimate: Estimate) -> str:
    """Return a number with its interval, to three decimals."""
    if not isfinite(estimate.value):
        return UNDEFINED
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
