"""Sections that come first: promised and measured rates, and how each attack fared."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pathprint.profiling.attacks.atlas import MITIGATION, VERSION
from pathprint.profiling.evaluation.evasion import EvasionPoint
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.report.rendering import section

_TEACHING = {"taught": "yes", "related": "others of its family", "untaught": "no"}
_NEEDS = {
    "white-box": "weights (white-box)",
    "black-box": "many answers (black-box)",
    "transfer": "another network (black-box)",
    "none": "nothing",
}
NOTABLE = 0.01
"""Share of attacked images answered with a class without a signature, from which on the report warns the reader."""


def summary(report: Report) -> Markup:
    """Return the section with promised and measured rates and the numbers of images."""
    warning = unprofiled(report) if report.unprofiled >= NOTABLE else ""
    promise, evading = _promise(report), _most_evading(report.adaptive)
    return section("summary", report=report, seen=_seen(report), promise=promise, evading=evading, warning=warning)


def unprofiled(report: Report) -> str:
    """Return the warning that attacked images are answered with unprofiled classes, which makes figures too good."""
    return (
        f"{report.unprofiled:.0%} of the successful attack images (mean over attacks) are answered with a class that "
        "has no signature. No path is like such a class, so any score looks good and the figures say little. Profile "
        "every class, or reduce the network to the profiled classes."
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
    """Return the names of the attacks that the bundle was fitted on; empty if the report has no settings."""
    return list(report.settings.get("fitting", {}).get("attacks", ()))


def attacks(report: Report) -> Markup:
    """Return the section with a table of all attacks, in which the worst-detected one is marked."""
    return section(
        "attacks",
        attacks=report.attacks,
        detector=report.detector,
        untaught=report.mean_untaught_auc,
        teaching=_TEACHING,
        needs=_NEEDS,
        atlas=VERSION,
        mitigation=MITIGATION,
    )
