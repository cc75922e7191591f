"""How scores and measurements of the bundle's detector are distributed: curves, scores, layers, calibration."""

from __future__ import annotations

from markupsafe import Markup

from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.layer_bands import FeatureBand
from pathprint.profiling.evaluation.report.pictures import calibration_picture, histogram_panel, layer_panel, roc_panel
from pathprint.profiling.evaluation.report.rendering import section


def curves(report: Report) -> Markup:
    """Return the ROC curve of each attack."""
    known = {name: roc for name, roc in report.distributions.roc.items() if roc.fpr}
    panels = [roc_panel(name, roc, report.detector.attacks[name].auc.value) for name, roc in known.items()]
    return section("curves", panels=panels)


def scores(report: Report) -> Markup:
    """Return the scores of clean and attacked images."""
    histogram = report.distributions.histogram
    panels = [histogram_panel(name, histogram) for name in histogram.adversarial] if histogram else []
    return section("scores", panels=panels, threshold=histogram.threshold if histogram else None)


def layers(report: Report) -> Markup:
    """Return what the layers measure on clean and on attacked images."""
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
    """Return the band in standard deviations; without a deviation no attack can be placed on it."""
    if band.deviation < 1e-9:
        return FeatureBand(band.feature, 0.0, 0.0, {})
    attacked = {name: (value - band.mean) / band.deviation for name, value in band.attacks.items()}
    return FeatureBand(band.feature, 0.0, 1.0, attacked)


def calibration(report: Report) -> Markup:
    """Return target against realised false-positive rates."""
    points = report.distributions.calibration
    return section("calibration", points=points, picture=calibration_picture(points) if points else None)
