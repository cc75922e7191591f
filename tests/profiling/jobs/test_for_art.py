"""Our detector stands where ART has one, and finds what ART's own attack makes of ART's own classifier."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pathprint.models.errors import PixelsError
from pathprint.models.network import Network
from pathprint.models.zoo import catalogue
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import FitError, OptionsError
from pathprint.profiling.jobs.protecting import Options
from tests.profiling.jobs.held import QUICK, Held, all_digits, held

pytest.importorskip("art.defences.detector.evasion", reason="the extra art is not installed")

from art.attacks.evasion import ProjectedGradientDescent
from art.defences.detector.evasion import BinaryInputDetector, EvasionDetector
from art.estimators.classification import PyTorchClassifier

from pathprint.profiling.jobs.for_art import PathDetector


@pytest.fixture(scope="module")
def images(digits_network: Network, digits: Dataset, digits_split: Split) -> Held:
    return held(digits_network, digits, digits_split)


@pytest.fixture(scope="module")
def classifier() -> Any:
    module, eyes, _ = catalogue.opened("digits-cnn")
    return PyTorchClassifier(
        model=module,
        loss=nn.CrossEntropyLoss(),
        input_shape=eyes.input_shape,
        nb_classes=10,
        clip_values=(0, 1),
        preprocessing=(np.array(eyes.mean), np.array(eyes.std)),
        device_type="cpu",
    )


def test_what_an_attack_of_the_library_makes_is_found(classifier: Any, bundle: Bundle, images: Held) -> None:
    attack = ProjectedGradientDescent(classifier, eps=0.2, eps_step=0.02, max_iter=20, verbose=False)
    made = attack.generate(images.clean, images.labels)
    wrong = classifier.predict(made).argmax(1) != images.labels
    report, flagged = PathDetector(bundle).detect(made[wrong])
    _, false_alarms = PathDetector(bundle).detect(images.clean)
    assert wrong.sum() > 5
    assert false_alarms.mean() < 0.2
    assert flagged.mean() > 2 * false_alarms.mean()
    assert [verdict.predicted for verdict in report["verdicts"]] == classifier.predict(made[wrong]).argmax(1).tolist()


def test_a_report_is_read_like_those_of_the_library(bundle: Bundle, images: Held) -> None:
    detector: EvasionDetector = PathDetector(bundle)
    report, flagged = detector.detect(images.attacked, batch_size=4)
    assert isinstance(report, dict)
    assert report["predictions"].shape == (len(images.attacked), 2)
    assert (report["predictions"].argmax(1) == 1).tolist() == flagged.tolist()  # as BinaryInputDetector decides
    assert (report["scores"] > report["threshold"]).tolist() == flagged.tolist()
    assert flagged.dtype == np.bool_
    assert detector.detect(images.clean[:0])[1].tolist() == []


@pytest.mark.parametrize("method", ["fit", "detect"])
def test_calls_for_detectors_of_the_library_suit_ours(method: str) -> None:
    """Whatever may be passed to ART's detectors by place or by name may be passed to ours."""
    for other in (EvasionDetector, BinaryInputDetector):
        theirs, ours = (inspect.signature(getattr(one, method)).parameters for one in (other, PathDetector))
        assert list(theirs) == list(ours)
        assert all(ours[name].kind == theirs[name].kind for name in theirs)


def test_a_bundle_is_ready_and_a_network_is_not(
    bundle_folder: Path, digits_network: Network, digits: Dataset, images: Held
) -> None:
    ready = PathDetector(str(bundle_folder))
    before = ready.detect(images.clean)[0]["scores"]
    ready.fit(images.clean, images.labels)  # nothing to do
    assert ready.detect(images.clean)[0]["scores"].tolist() == before.tolist()
    raw = PathDetector(digits_network, QUICK)
    with pytest.raises(FitError, match="call `fit` with clean images first"):
        raw.detect(images.clean)
    pixels, labels = all_digits(digits_network, digits)
    raw.fit(pixels, np.eye(10)[labels], batch_size=16, nb_epochs=1)
    attacked, clean = (raw.detect(pixels)[1].mean() for pixels in (images.attacked, images.clean))
    assert clean < 0.2
    assert attacked > 2 * clean


def test_parameters_are_those_of_the_library(bundle: Bundle, bundle_folder: Path, digits_network: Network) -> None:
    detector = PathDetector(digits_network)
    assert set(detector.get_params()) == {"protected", "options"}
    detector.set_params(protected=bundle)
    assert detector.bundle is bundle
    detector.set_params(**detector.get_params())
    with pytest.raises(OptionsError, match="`tier`: without effect on a bundle"):
        detector.set_params(options=Options(tier="fast"))
    with pytest.raises(OptionsError, match="`tier`: without effect on a bundle"):
        PathDetector(bundle_folder, Options(tier="fast"))


def test_images_in_other_ranges_are_refused(bundle: Bundle, images: Held) -> None:
    for wrong in (images.clean * 255, images.clean[:, :, :4], torch.from_numpy(images.clean).permute(0, 2, 3, 1)):
        with pytest.raises(PixelsError):
            PathDetector(bundle).detect(wrong)
