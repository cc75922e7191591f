"""Sections on the bundle's detector: ROC curves, scores, layers and calibration."""

from __future__ import annotations

from markupsafe import Markup

from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.layer_bands import FeatureBand
from pathprint.profiling.evaluation.report.pictures import calibration_picture, histogram_panel, layer_panel, roc_panel
from pathprint.profiling.evaluation.report.rendering import section


def curves(report: Report) -> Markup:
    """Return the section with the ROC curve of each attack."""
    known = {name: roc for name, roc in report.distributions.roc.items() if roc.fpr}
    panels = [roc_panel(name, roc, report.detector.attacks[name].auc.value) for name, roc in known.items()]
    return section("curves", panels=panels)


def scores(report: Report) -> Markup:
    """Return the section with histograms of the scores of clean and attacked images."""
    histogram = report.distributions.histogram
    panels = [histogram_panel(name, histogram) for name in histogram.adversarial] if histogram else []
    return section("scores", panels=panels, threshold=histogram.threshold if histogram else None)


def layers(report: Report) -> Markup:
    """Return the section with two features of each layer on clean and attacked images."""
    bands = report.distributions.layers
    names = [name for name in report.attacks if bands and name in bands[0].containment.attacks]
    contained = [band.containment for band in bands]
    telling = [_standardised(band.telling) for band in bands]
    return section(
        "layers",
        bands=bands,
        attacks=names,
        contained=[layer_panel(name, contained, "containment") for name in names],
        telling=[layer_panel(name, telling, "standard deviations") for name in names],
    )


def _standardised(band: FeatureBand) -> FeatureBand:
    """Return the band in standard deviations from the clean mean, without attacks if the standard deviation is 0."""
    if band.deviation < 1e-9:
        return FeatureBand(band.feature, 0.0, 0.0, {})
    attacked = {name: (value - band.mean) / band.deviation for name, value in band.attacks.items()}
    return FeatureBand(band.feature, 0.0, 1.0, attacked)


def calibration(report: Report) -> Markup:
    """Return the section that compares target and realised false-positive rates."""
    points = report.distributions.calibration
    return section("calibration", points=points, picture=calibration_picture(points) if points else None)
