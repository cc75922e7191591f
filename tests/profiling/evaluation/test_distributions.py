"""What pictures are drawn from, on known scores and features."""

import numpy as np
import pytest

from pathprint.profiling.evaluation.distributions import MOST_POINTS, Histogram, Roc, realised
from pathprint.profiling.evaluation.layer_bands import layer_bands
from pathprint.profiling.evaluation.metrics import auc
from pathprint.profiling.features.table import Feature


def test_thinned_curve_keeps_ends_and_area() -> None:
    generator = np.random.default_rng(0)
    clean, won = generator.normal(0, 1, 5000), generator.normal(1, 1, 5000)
    roc = Roc.of(clean, won)
    assert 100 < len(roc.fpr) <= MOST_POINTS
    assert (roc.fpr[0], roc.tpr[0], roc.fpr[-1], roc.tpr[-1]) == (0, 0, 1, 1)
    assert float(np.trapezoid(roc.tpr, roc.fpr)) == pytest.approx(auc(clean, won), abs=0.003)


def test_attack_without_success_has_no_curve() -> None:
    assert Roc.of(np.zeros(3), np.zeros(0)) == Roc((), ())


def test_histogram_loses_no_image_and_shows_the_threshold() -> None:
    clean = np.append(np.linspace(0, 1, 99), 1e6)
    found = Histogram.of(clean, {"a": np.array([-1e6, 0.5]), "none": np.zeros(0)}, 30.0)
    assert (sum(found.clean), sum(found.adversarial["a"]), sum(found.adversarial["none"])) == (100, 2, 0)
    assert found.edges[0] < found.threshold < found.edges[-1]
    assert len(found.edges) == len(found.clean) + 1


def test_rates_are_those_of_thresholds_from_calibration_images() -> None:
    points = realised(np.arange(99.0), np.array([0.0, 93.5, 98.5, 97.5]), np.arange(4))
    rates = {point.target: point.realised.value for point in points}
    assert (rates[0.01], rates[0.02], rates[0.05]) == (0.25, 0.5, 0.5)
    assert rates[0.5] == 0.75
    assert 0.01 not in {point.target for point in realised(np.arange(50.0), np.zeros(4), np.arange(4))}


def test_bands_name_the_feature_that_moves_most() -> None:
    measures = (("containment", "weights", 1), ("coherence", "", 0), ("empty", "neurons", 0))
    features = [Feature(measure, layer, kind, rank, 0) for layer in "ab" for measure, kind, rank in measures]
    clean = np.array([[0.8, 1, 0, 0.9, 2, 0], [1.0, 3, 0, 0.7, 4, 0]])
    attacked = {"x": np.array([[0.9, 8, 1, 0.1, 3, 1.0]]), "failed": np.zeros((0, 6))}
    first, second = layer_bands(features, ["a", "b"], clean, attacked)
    assert (first.layer, first.telling.feature, first.telling.attacks) == ("a", "coherence/a", {"x": 8.0})
    assert (first.telling.mean, first.telling.deviation) == (2, 1)
    assert second.telling.feature == second.containment.feature == "containment/b/weights/1"
    assert second.containment.attacks == {"x": 0.1}
