"""What was found out about the bundle's detector: the promise, the attacks, scores and layers."""

from __future__ import annotations

from collections.abc import Sequence

from profiling.evaluation.figures import Report
from profiling.evaluation.layer_bands import FeatureBand
from profiling.evaluation.report.elements import (
    UNDEFINED,
    Html,
    Row,
    decimal,
    decimal_between,
    element,
    figure,
    joined,
    paragraph,
    percent,
    percent_between,
    section,
    table,
)
from profiling.evaluation.report.pictures import calibration_picture, histogram_panel, layer_panel, roc_panel

_NONE = "No attack was run."


def headline(report: Report) -> Html:
    """Return what was promised, what was measured, and on how many images."""
    found, flagged = report.detector, report.flagged_clean
    rows = [
        ("Clean images flagged, promised", f"at most {percent(report.target)}"),
        ("Clean images flagged, measured", joined(percent_between(flagged), " ", element("strong", _kept(report)))),
        ("Test images, seen by no earlier step", f"{report.images} answered rightly, {report.misclassified} wrongly"),
        ("Accuracy of the network on them", percent(report.clean_accuracy)),
        ("Attacks", str(len(report.attacks))),
        ("Mean AUC over the attacks", decimal(found.mean_auc)),
        (
            "Worst attack",
            f"{found.worst}, AUC {decimal_between(found.attacks[found.worst].auc)}" if found.worst else UNDEFINED,
        ),
        ("Mean AUC, family of the attack unseen in fitting", _unseen(report)),
        ("An attacker who knows the detector", _adaptive(report)),
    ]
    note = (
        "In brackets: 95 % intervals, from resampling source images. Adversarial images count only if the answer "
        "is still wrong after rounding to 8 bit."
    )
    return section("Summary", table("Promised and measured", ("", "figure"), rows), paragraph(note))


def _kept(report: Report) -> str:
    if report.flagged_clean.low > report.target:
        return "Promise broken: the whole interval lies above it."
    return (
        "Within the promise."
        if report.flagged_clean.value <= report.target
        else "Above the promise, though within the interval."
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
        return section("Attacks", paragraph(_NONE), paragraph(rates))
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


def _about(report: Report) -> Html:
    items = [(name, fared.family, fared.summary) for name, fared in report.attacks.items()]
    return element(
        "details",
        element("summary", "What each attack is"),
        table("Attacks", ("attack", "family", "what it does"), items),
    )


def curves(report: Report) -> Html:
    """Return the ROC curve of each attack."""
    drawn = [
        roc_panel(name, roc, report.detector.attacks[name].auc.value)
        for name, roc in report.distributions.roc.items()
        if roc.fpr
    ]
    caption = (
        "Each panel is one attack: the nearer the solid line to the upper left corner, the better; the dashed "
        "diagonal is chance."
    )
    return section(
        "ROC curves", figure(caption, *drawn) if drawn else paragraph("No attack succeeded, so there is no curve.")
    )


def scores(report: Report) -> Html:
    """Return the scores of clean and attacked images."""
    histogram = report.distributions.histogram
    if histogram is None or not histogram.adversarial:
        return section("Scores", paragraph(_NONE))
    caption = (
        "Each panel is one attack: clean images as a solid outline, successful attacks as bars, the threshold as "
        "a dashed vertical line; "
        "what lies to its right is flagged, so bars on the left are missed. The outer bins also hold what lies "
        "beyond them."
    )
    limit = f"Threshold of the bundle: {histogram.threshold:.4g}, on the logit scale."
    return section(
        "Scores", paragraph(limit), figure(caption, *(histogram_panel(n, histogram) for n in histogram.adversarial))
    )


def layers(report: Report) -> Html:
    """Return what the layers measure on clean and on attacked images."""
    bands = report.distributions.layers
    names = [name for name in report.attacks if bands and name in bands[0].containment.attacks]
    if not names:
        return section("Layers", paragraph("No attack succeeded, so layers cannot be compared."))
    contained = figure(
        "Containment: share of the path's weights that some profiled image of the predicted class used, too. "
        "Shaded: clean mean ± one standard deviation; dashed with dots: mean over one attack's successes. "
        "Where the dots leave the shade, the layer tells them apart.",
        *(layer_panel(name, [band.containment for band in bands], "containment") for name in names),
    )
    telling = figure(
        "The same for each layer's most telling measure (named in the table), in standard deviations from the "
        "clean mean. "
        "It was chosen on these images: a description, not a result.",
        *(layer_panel(name, [_standardised(band.telling) for band in bands], "standard deviations") for name in names),
    )
    header = ("layer", "number", "measure", "clean mean ± sd", *names)
    rows = [
        (band.layer, str(number), *_facts(found, names))
        for number, band in enumerate(bands, 1)
        for found in (band.containment, band.telling)
    ]
    return section(
        "Layers", contained, telling, table("Layer by layer: clean images and each attack's mean", header, rows)
    )


def _facts(found: FeatureBand, names: Sequence[str]) -> Row:
    attacked = (f"{found.attacks[name]:.3g}" for name in names)
    return (found.feature, f"{found.mean:.3g} ± {found.deviation:.2g}", *attacked)


def _standardised(band: FeatureBand) -> FeatureBand:
    scale = band.deviation or 1.0
    attacked = {name: (value - band.mean) / scale for name, value in band.attacks.items()}
    return FeatureBand(band.feature, 0.0, 1.0 if band.deviation else 0.0, attacked)


def calibration(report: Report) -> Html:
    """Return target against realised false-positive rates."""
    points = report.distributions.calibration
    if not points:
        return section("Calibration", paragraph("There are too few calibration images for any of the usual targets."))
    caption = (
        "Thresholds for several targets, set on calibration images and applied to clean test images; bars are 95 "
        "% intervals. "
        "On the dashed diagonal the promise is exact, below it cautious, above it broken."
    )
    rows = [(percent(point.target), percent_between(point.realised)) for point in points]
    return section(
        "Calibration", figure(caption, calibration_picture(points)), table("Rates", ("target", "realised"), rows)
    )
