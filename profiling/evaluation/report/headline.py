"""What was promised, what was measured, and how each attack fared."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pathprint.profiling.evaluation.figures import EvasionPoint, Report
from pathprint.profiling.evaluation.report.rendering import section

NOTABLE = 0.01
"""Share of attacks that end in classes without a signature from which the reader is warned."""


def summary(report: Report) -> Markup:
    """Return what was promised, what was measured, and on how many images."""
    warning = unprofiled(report) if report.unprofiled >= NOTABLE else ""
    promise, evading = _promise(report), _most_evading(report.adaptive)
    return section("summary", report=report, seen=_seen(report), promise=promise, evading=evading, warning=warning)


def unprofiled(report: Report) -> str:
    """Return the warning that attacks end in classes without a signature, which makes figures too good."""
    return (
        f"{report.unprofiled:.0%} of what attacks made (mean) is answered with a class that has no signature. No path "
        "is like it, so any score looks good: the figures say little. Profile every class, or cut the network down to "
        "those profiled."
    )


def _promise(report: Report) -> str:
    if report.flagged_clean.low > report.target:
        return "Promise broken: the whole interval lies above it."
    if report.flagged_clean.value <= report.target:
        return "Within the promise."
    return "Above the promise, which the interval includes."


def _most_evading(points: Sequence[EvasionPoint]) -> EvasionPoint | None:
    return max(points, key=lambda point: point.evaded.value, default=None)


def _seen(report: Report) -> list[str]:
    """Return the names of attacks that the bundle was fitted on; none if there are no settings."""
    return list(report.settings.get("fitting", {}).get("attacks", ()))


def attacks(report: Report) -> Markup:
    """Return the table of attacks; the worst one is marked."""
    return section("attacks", attacks=report.attacks, detector=report.detector, seen=_seen(report))
