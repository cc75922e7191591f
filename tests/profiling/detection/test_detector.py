"""A verdict can be taken apart: its evidence adds up, and doubt is said."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split, profile_images
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.cascade import one_stage
from pathprint.profiling.detection.joined import ATTACKS, CLEAN, TestName, alone
from pathprint.profiling.detection.scores import LinearScore
from pathprint.profiling.detection.sentences import short_name
from pathprint.profiling.errors import BundleError, SignatureError
from pathprint.profiling.jobs.class_signatures import class_signatures


@pytest.fixture(scope="module")
def pixels(digits: Dataset, digits_split: Split, bundle: Bundle) -> Tensor:
    return digits.pixels(digits_split.test.positions[:12], bundle.detector.network.preprocessing)


@pytest.fixture(scope="module")
def mixed(pixels: Tensor) -> Tensor:
    """Clean digits, noise, and digits under more and more noise."""
    noise = torch.rand(24, *pixels.shape[1:], generator=torch.Generator().manual_seed(0))
    shares = torch.linspace(0.1, 0.9, 12).reshape(-1, 1, 1, 1)
    return torch.cat([pixels, noise[:12], pixels * (1 - shares) + noise[12:] * shares])


def test_evidence_adds_up_to_the_score(bundle: Bundle, mixed: Tensor) -> None:
    verdicts = bundle.detector.examine(mixed)
    assert {verdict.test for verdict in verdicts} == {ATTACKS, CLEAN}
    for verdict in verdicts:
        added = sum(layer.contribution for layer in verdict.layers)
        assert verdict.usual_score + added == pytest.approx(verdict.score)
        assert {layer.layer for layer in verdict.layers} == {*bundle.detector.extractor.layout.names, "the answer"}


def test_the_test_with_the_larger_score_speaks(bundle: Bundle, mixed: Tensor) -> None:
    detector = bundle.detector
    scores = detector.score.each(detector.maker.make(mixed)[1].values)
    for verdict, by_test in zip(detector.examine(mixed), scores, strict=True):
        assert verdict.score == by_test.max() == by_test[detector.score.names.index(verdict.test)]


@pytest.mark.parametrize("test", [ATTACKS, CLEAN])
def test_no_contribution_contradicts_what_its_measure_means(bundle: Bundle, mixed: Tensor, test: TestName) -> None:
    """A value on the clean side of the usual one never speaks for an attack, one on the other side never against."""
    detector, trends = bundle.detector, np.array([feature.trend for feature in bundle.detector.features])
    assert np.count_nonzero(trends) > len(trends) / 2
    of_images = detector.maker.make(mixed)[1].values
    extremes = detector.usual.mean[-1] + np.array([[-50.0], [-1], [-0.01], [0.01], [1], [50]])
    for predicted in range(len(detector.network.labels)):
        usual = detector.usual.mean[detector.usual.row(predicted)]
        for values in (*of_images, *extremes):
            _, excess = detector.beyond_usual(test, predicted, values)
            suspicious = (values - usual) * trends
            assert (excess[suspicious < 0] <= 1e-12).all()
            assert (excess[suspicious > 0] >= -1e-12).all()


def test_no_sentence_contradicts_what_its_measure_means(bundle: Bundle, mixed: Tensor) -> None:
    detector = bundle.detector
    features = {(feature.layer, short_name(feature)): feature for feature in detector.features}
    seen = 0
    for verdict in detector.examine(mixed):
        for layer in verdict.layers:
            trend = features[layer.layer, layer.feature].trend
            seen += trend != 0
            assert trend * (layer.value - layer.usual) * layer.contribution >= 0
            assert "although" not in layer.text or trend == 0 or abs(layer.value - layer.usual) <= layer.spread / 2
    assert seen > 50


def test_verdict_does_not_depend_on_the_batch(bundle: Bundle, pixels: Tensor) -> None:
    together = bundle.detector.examine(pixels)
    for verdict, image in zip(together, pixels, strict=True):
        (alone,) = bundle.detector.examine(image[None])
        assert alone.decision == verdict.decision
        # Libraries round logits by the batch size, and margins are features.
        assert alone.score == pytest.approx(verdict.score, abs=1e-4)


def test_verdict_follows_score_threshold_and_band(bundle: Bundle, pixels: Tensor) -> None:
    low, high = bundle.detector.calibration.uncertain
    for verdict in bundle.detector.examine(torch.cat([pixels, torch.rand(20, 1, 8, 8)])):
        assert verdict.flagged == (verdict.score > verdict.threshold)
        assert 0 < verdict.p_value <= 1
        assert 0 < verdict.confidence <= 1
        if low < verdict.score <= high:
            assert verdict.decision == "uncertain"
            assert verdict.note
        else:
            assert verdict.decision == ("adversarial" if verdict.flagged else "benign")


def test_class_without_enough_images_is_uncertain(bundle: Bundle, digits: Dataset, pixels: Tensor) -> None:
    few = class_signatures(bundle.detector.extractor, digits, profile_images(digits), per_class=3)
    maker = dataclasses.replace(bundle.detector.maker, signatures=few)
    for verdict in dataclasses.replace(bundle.detector, maker=maker).examine(pixels):
        assert verdict.decision == "uncertain"
        assert "were profiled: 3, where 10 are needed" in verdict.note


def test_evidence_says_what_is_usual_for_the_class_or_for_all_classes(bundle: Bundle, pixels: Tensor) -> None:
    detector = bundle.detector
    (verdict,) = detector.examine(pixels[:1])
    assert all(f"clean images of '{verdict.label}'" in layer.text for layer in verdict.layers)
    usual = detector.usual
    unknown = dataclasses.replace(
        usual, classes=usual.classes[:0], mean=usual.mean[-1:], deviation=usual.deviation[-1:]
    )
    (verdict,) = dataclasses.replace(detector, usual=unknown).examine(pixels[:1])
    assert all("clean images" in layer.text and "clean images of" not in layer.text for layer in verdict.layers)


def test_signatures_of_another_extraction_are_refused(bundle: Bundle) -> None:
    foreign = dataclasses.replace(bundle.detector.signatures, extraction="0" * 64)
    with pytest.raises(SignatureError, match="signatures were made by extraction 000000000000"):
        dataclasses.replace(bundle.detector.maker, signatures=foreign)


def test_score_that_is_no_number_is_an_error_not_a_verdict(bundle: Bundle, pixels: Tensor) -> None:
    nothing = np.zeros(len(bundle.detector.features))
    broken = LinearScore("broken", nothing, nothing, nothing, float("nan"))
    with pytest.raises(BundleError, match="not a finite number"):
        dataclasses.replace(bundle.detector, score=one_stage(alone(broken, ATTACKS), bundle.detector.features)).examine(
            pixels
        )


def test_features_that_the_score_does_not_know_are_refused(bundle: Bundle, pixels: Tensor) -> None:
    detector = dataclasses.replace(bundle.detector, features=bundle.detector.features[1:])
    with pytest.raises(BundleError, match="fitted on other features"):
        detector.examine(pixels)
