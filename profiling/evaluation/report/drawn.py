"""What is drawn of the bundle's detector: curves, scores, layers and calibration."""

from __future__ import annotations

from collections.abc import Sequence

from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.layer_bands import FeatureBand, LayerBand
from pathprint.profiling.evaluation.report.elements import (
    Html,
    Row,
    figure,
    paragraph,
    percent,
    percent_between,
    section,
    table,
)
from pathprint.profiling.evaluation.report.pictures import calibration_picture, histogram_panel, layer_panel, roc_panel
from pathprint.profiling.evaluation.report.sections import NONE


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
        return section("Scores", paragraph(NONE))
    caption = (
        "Each panel is one attack: clean images as a solid outline, successful attacks as bars, the threshold as "
        "a dashed vertical line; "
        "what lies to its right is flagged, so bars on the left are missed. The outer bins also hold what lies "
        "beyond them."
    )
    limit = f"Threshold of the bundle: {histogram.threshold:.4g}."
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
    return section("Layers", contained, telling, _layer_table(bands, names))


def _layer_table(bands: Sequence[LayerBand], names: Sequence[str]) -> Html:
    rows = [
        (band.layer, str(number), *_facts(found, names))
        for number, band in enumerate(bands, 1)
        for found in (band.containment, band.telling)
    ]
    header = ("layer", "number", "measure", "clean mean ± sd", *names)
    return table("Layer by layer: clean images and each attack's mean", header, rows)


def _facts(found: FeatureBand, names: Sequence[str]) -> Row:
    attacked = (f"{found.attacks[name]:.3g}" for name in names)
    return (found.feature, f"{found.mean:.3g} ± {found.deviation:.2g}", *attacked)


def _standardised(band: FeatureBand) -> FeatureBand:
    """Return the band in standard deviations; without a deviation no attack can be placed on it."""
    if band.deviation < 1e-9:
        return FeatureBand(band.feature, 0.0, 0.0, {})
    attacked = {name: (value - band.mean) / band.deviation for name, value in band.attacks.items()}
    return FeatureBand(band.feature, 0.0, 1.0, attacked)


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
