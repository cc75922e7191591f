"""What was promised, and what each attack did."""

from __future__ import annotations

from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.report.elements import (
    UNDEFINED,
    Html,
    Row,
    decimal,
    decimal_between,
    element,
    joined,
    paragraph,
    percent,
    percent_between,
    section,
    table,
)

NOTABLE = 0.01
"""Share of attacks that end in classes without a signature from which the reader is warned."""
NONE = "No attack was run."
"""Said where there is nothing to show."""


def headline(report: Report) -> Html:
    """Return what was promised, what was measured, and on how many images."""
    found, flagged = report.detector, report.flagged_clean
    rows = [
        ("Clean images flagged, promised", f"at most {percent(report.target)}"),
        ("Clean images flagged, measured", joined(percent_between(flagged), " ", element("strong", _kept(report)))),
        ("Test images, seen by no earlier step", f"{report.images} answered rightly, {report.misclassified} wrongly"),
        ("Accuracy of the network on them", percent(report.clean_accuracy)),
        ("Attacks", str(len(report.attacks))),
        ("Attacks seen in fitting, on other images", ", ".join(_seen(report)) or UNDEFINED),
        ("Mean AUC over the attacks", decimal(found.mean_auc)),
        (
            "Worst attack",
            f"{found.worst}, AUC {decimal_between(found.attacks[found.worst].auc)}" if found.worst else UNDEFINED,
        ),
        ("Mean AUC, family of the attack unseen in fitting", _unseen(report)),
        ("An attacker who knows the detector", _adaptive(report)),
    ]
    if report.unprofiled >= NOTABLE:
        rows.append(("Beware", element("strong", unprofiled(report))))
    note = (
        "In brackets: 95 % intervals, from resampling source images. They have no width where a rate is 0 or 100 %; "
        "with n images, a true rate up to 3/n away from it cannot be excluded there. "
        "Adversarial images count only if the answer is still wrong after rounding to 8 bit."
    )
    return section("Summary", table("Promised and measured", ("", "figure"), rows), paragraph(note))


def unprofiled(report: Report) -> str:
    """Return the warning that attacks end in classes without a signature, which makes figures too good."""
    return (
        f"{report.unprofiled:.0%} of what attacks made (mean) is answered with a class that has no signature. No path "
        "is like it, so any score looks good: the figures say little. Profile every class, or cut the network down to "
        "those profiled."
    )


def _kept(report: Report) -> str:
    if report.flagged_clean.low > report.target:
        return "Promise broken: the whole interval lies above it."
    return (
        "Within the promise."
        if report.flagged_clean.value <= report.target
        else "Above the promise, which the interval includes."
    )


def _unseen(report: Report) -> str:
    return decimal(report.mean_left_out_auc) if report.left_out else "not run (--full)"


def _adaptive(report: Report) -> str:
    if not report.adaptive:
        return "not run (--adaptive N)"
    worst = max(report.adaptive, key=lambda point: point.evaded.value)
    return (
        f"evades on {percent_between(worst.evaded)} of {worst.evaded.images} images at Linf budget {worst.budget:.3g}"
    )


def attacks(report: Report) -> Html:
    """Return the table of attacks; the worst one is marked."""
    found = report.detector
    header = (
        *("attack", "norm", "budget", "wrong before rounding", "wrong after rounding", "AUC"),
        *("TPR at 5% target FPR", "TPR at 1% target FPR", "median L2", "median Linf"),
    )
    rates = (
        f"Realised false-positive rate of the thresholds: {percent_between(found.fpr_at_5)} where 5% was the target, "
        f"{percent_between(found.fpr_at_1)} where 1% was. They come from clean calibration images, and are the "
        "same for every attack."
    )
    distance = "Distances are medians over images whose answer changed, in pixels of [0, 1]."
    if not report.attacks:
        return section("Attacks", paragraph(NONE), paragraph(rates))
    rows = [_attack_row(report, name) for name in report.attacks]
    return section(
        "Attacks",
        table("Each attack against the network and the detector", header, rows),
        paragraph(rates, " ", distance),
        _about(report),
    )


def _attack_row(report: Report, name: str) -> Row:
    fared, found = report.attacks[name], report.detector.attacks[name]
    marked = joined(name, " ", element("mark", "worst")) if name == report.detector.worst else name
    budget = UNDEFINED if fared.budget is None else f"{fared.budget:.3g}"
    areas = (decimal_between(found.auc), percent_between(found.tpr_at_5fpr), percent_between(found.tpr_at_1fpr))
    distances = (_short(fared.median_l2), _short(fared.median_linf))
    return (marked, fared.norm, budget, percent(fared.success_unrounded), percent(fared.success), *areas, *distances)


def _short(value: float) -> str:
    return f"{value:.3g}" if value == value else UNDEFINED


def _seen(report: Report) -> list[str]:
    """Return the names of attacks that the bundle was fitted on; none if there are no settings."""
    return list(report.settings.get("fitting", {}).get("attacks", ()))


def _about(report: Report) -> Html:
    seen = _seen(report)
    items = [
        (name, fared.family, "yes" if name in seen else "no", fared.summary) for name, fared in report.attacks.items()
    ]
    return element(
        "details",
        element("summary", "What each attack is"),
        table("Attacks", ("attack", "family", "seen in fitting", "what it does"), items),
    )
