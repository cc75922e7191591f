"""A network that is hardly ever right is refused before any work; one that is wrong too often is warned about."""

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import pathprint
from pathprint.models.network import Network
from pathprint.models.zoo.catalogue import opened
from pathprint.profiling.cli.terminal import bars
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import profile_images
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import FitError, SignatureError
from pathprint.profiling.jobs.accuracy import IMAGES, Accuracy, _first_of_each_class, accuracy_of, check_accuracy
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.progress import Meter, shown_by
from pathprint.profiling.signatures.counts import ClassSignatures


@pytest.mark.parametrize(
    ("images", "right", "chance", "confidence", "refused", "warned"),
    [
        (256, 250, 0.1, 0.99, False, False),
        (256, 179, 0.001, 0.78, False, False),  # a sound ImageNet network, a little too sure
        (256, 77, 0.1, 0.99, False, True),
        (256, 205, 0.1, 0.99, False, True),
        (256, 25, 0.1, 0.99, True, True),
        (256, 25, 0.1, 0.1, True, False),  # an untrained network knows that it knows nothing
        (256, 0, 0.5, 0.99, True, True),
        (256, 128, 0.5, 0.5, True, False),
        (256, 230, 0.9, 0.95, True, False),  # it always answers the frequent one of two classes
        (256, 150, 0.5, 0.6, False, False),  # weak, but no chance
        (256, 46, 0.1, 0.99, True, True),  # better than chance, and nearly always wrong
        (256, 5, 0.001, 0.75, True, True),  # a thousand classes in another order, but for a few
        (256, 3, 0.001, 0.05, True, False),
        (5, 1, 0.1, 0.99, False, True),
        (3, 1, 0.1, 0.9, False, False),
        (7, 6, 0.5, 0.99, False, False),
        (1, 0, 0.001, 0.99, False, False),
        (1, 1, 0.1, 0.99, False, False),
    ],
)
def test_refusal_and_warning_need_proof(
    images: int, right: int, chance: float, confidence: float, refused: bool, warned: bool
) -> None:
    found = Accuracy(images, right, chance, confidence)
    assert (found.is_chance, found.is_below_confidence) == (refused, warned)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=600), st.booleans())
@settings(max_examples=50, deadline=None)
def test_sorted_and_uneven_images_are_taken_evenly_from_all_classes(
    digits: Dataset, labels: list[int], sort: bool
) -> None:
    found = np.array(sorted(labels) if sort else labels)
    dataset = replace(digits, labels=found)
    taken = _first_of_each_class(dataset, np.arange(len(found)))
    assert len(set(taken.tolist())) == len(taken) == min(len(found), IMAGES)
    there, used = np.bincount(found, minlength=6), np.bincount(found[taken], minlength=6)
    assert used[used < there].size == 0 or used.max() - used[used < there].min() <= 1


class Padded(nn.Module):
    """The digits network with 990 further classes; ``always`` is the one class that it answers, if it is not None."""

    def __init__(self, always: int | None = None) -> None:
        super().__init__()
        self.usual: Tensor
        self.others: Tensor
        self.digits = opened("digits-cnn")[0]
        usual = torch.zeros(1, 1000) if always is None else 1000 * torch.eye(1000)[always][None]
        self.others, self.usual = (nn.Parameter(values) for values in (torch.full((1, 990), -20.0), usual))

    def forward(self, x: Tensor) -> Tensor:
        logits = self.digits(x)
        return torch.cat([logits, logits[:, :1] * 0 + self.others], 1) + self.usual


@pytest.mark.parametrize(("always", "right"), [(None, True), (3, False), (700, False)])
def test_few_of_many_classes(digits: Dataset, digits_network: Network, always: int | None, right: bool) -> None:
    network = Network.capture(Padded(always).eval(), digits_network.preprocessing)
    dataset = digits.matched_to(network.labels)
    found = accuracy_of(network, dataset, profile_images(dataset)[:IMAGES])
    assert found.is_chance != right
    assert found.chance == pytest.approx(0 if always == 700 else 0.1, abs=0.02)


def test_one_class_alone_is_no_chance(digits: Dataset, digits_network: Network) -> None:
    threes = np.flatnonzero(digits.labels == 3)
    check_accuracy(digits_network, digits, threes)
    with pytest.raises(FitError, match=r"right on 0 of 183 images .* right on 10\.0%"):
        check_accuracy(digits_network, replace(digits, labels=(digits.labels + 1) % 10), threes)


def shifted(classes: int) -> Callable[[Dataset], Dataset]:
    """Return what gives the first ``classes`` classes each other's labels."""
    return lambda data: replace(data, labels=np.where(data.labels < classes, (data.labels + 1) % classes, data.labels))


def test_accuracy_is_said_and_doubted(
    digits: Dataset, digits_network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pathprint.accuracy")
    for data in (digits, shifted(5)(digits)):
        check_accuracy(digits_network, data, profile_images(data))
    sound, doubtful = caplog.records
    assert (sound.levelname, doubtful.levelname) == ("INFO", "WARNING")
    assert "right on 256 of 256 images (100.0%)" in sound.getMessage()
    assert "with a mean confidence of 99.9%. It should be right far more often. Usual causes" in doubtful.getMessage()
    check_accuracy(digits_network, shifted(10)(digits), profile_images(digits), any_accuracy=True)
    assert caplog.records[-1].levelname == "WARNING"


def only_looking(description: str, total: int) -> AbstractContextManager[Meter]:
    if description != "looking at images":
        raise AssertionError(f"{description} was begun")
    return bars(description, total)


def prepared(network: Network, mean: float, std: float) -> Network:
    return replace(network, preprocessing=replace(network.preprocessing, mean=(mean,), std=(std,)))


@pytest.mark.parametrize(
    ("mean", "std", "levels", "usual"),
    [
        (0.305, 0.376, 256, True),  # the training's
        (0.0, 1.0, 256, True),  # not normalised at all
        (0.5, 0.5, 256, True),
        (0.485, 0.229, 256, True),
        (0.9, 0.05, 256, False),
        (0.305, 0.05, 256, False),
        (-3.0, 0.376, 256, False),
        (0.0, 1 / 255, 256, False),  # values up to 255
        (127.0, 64.0, 256, False),  # meant for values up to 255
        (0.305, 0.376, 17, False),  # images of 0 to 16
        (0.0, 1.0, 2, False),  # images of 0 and 1
    ],
)
def test_odd_inputs_of_a_network_are_known_by_mean_and_deviation(
    digits: Dataset, digits_network: Network, mean: float, std: float, levels: int, usual: bool
) -> None:
    pixels = torch.stack([digits_network.preprocessing.pixels(digits.image(i)) for i in range(200)])
    dark = replace(digits, image=lambda i: digits.image(i).point(lambda level: round(level * (levels - 1) / 255)))
    inputs = accuracy_of(prepared(digits_network, mean, std), dark, np.arange(200)).inputs
    assert inputs.are_usual == usual
    if levels == 256:
        given = (pixels.double() - mean) / std
        assert (inputs.mean, inputs.std) == pytest.approx((float(given.mean()), float(given.std(correction=0))), 1e-4)


def test_wrong_normalisation_is_named_where_it_costs_answers(
    digits: Dataset, digits_network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    check_accuracy(prepared(digits_network, 0.9, 0.05), digits, profile_images(digits))
    (told,) = (record.getMessage() for record in caplog.records)
    assert "right far more often. The likely cause is how pixels become inputs of the network: after `mean` and" in told
    assert "these have the mean -12 and the standard deviation 7.5, while networks are trained on values around" in told
    with pytest.raises(FitError, match=r"hardly worse\. The likely cause is .* Other usual causes: .* `any_accuracy`"):
        check_accuracy(prepared(digits_network, -3, 0.376), digits, profile_images(digits))


@pytest.mark.parametrize("job", ["profile", "fit", "evaluate"])
def test_wrong_labels_end_every_job_before_its_work(
    digits: Dataset, digits_network: Network, bundle: Bundle, job: str
) -> None:
    wrong = shifted(10)(digits)
    refusal = r"right on \d of 256 images .*`class_map`.*`any_accuracy`"
    with pytest.raises(FitError, match=refusal), shown_by(only_looking):
        if job == "profile":
            pathprint.profile(digits_network, wrong)
        elif job == "fit":
            pathprint.fit(made(bundle), wrong, attacks=["fgsm-0.2"])
        else:
            pathprint.evaluate(bundle, wrong, attacks=["fgsm-0.2"])


def made(bundle: Bundle) -> Any:
    detector, signatures = bundle.detector, bundle.detector.signatures
    assert isinstance(signatures, ClassSignatures)
    return NetworkProfile(detector.extractor, signatures, bundle.used["profile"], "digits", 0, None)


def test_profiling_goes_on_where_it_is_told_to(digits: Dataset, digits_network: Network, tmp_path: Path) -> None:
    data = shifted(9)(digits)
    profile = pathprint.profile(digits_network, data, images_per_class=1, any_accuracy=True)
    assert profile.signatures.images.sum() > 0
    tried = check_accuracy(digits_network, data, profile_images(data), any_accuracy=True)
    assert profile.accuracy == {"share": tried.right / 256, "images": 256, "confidence": tried.confidence}
    profile.save(tmp_path / "p")
    assert NetworkProfile.load(tmp_path / "p").accuracy == profile.accuracy


def test_profiles_of_earlier_versions_have_no_accuracy(bundle: Bundle, tmp_path: Path) -> None:
    made(bundle).save(tmp_path / "p")
    facts = json.loads((tmp_path / "p" / "profile.json").read_bytes())
    del facts["accuracy"]
    (tmp_path / "p" / "profile.json").write_text(json.dumps(facts))
    assert NetworkProfile.load(tmp_path / "p").accuracy is None


def test_profiles_of_another_version_are_refused_with_what_to_do(bundle: Bundle, tmp_path: Path) -> None:
    made(bundle).save(tmp_path / "p")
    facts = json.loads((tmp_path / "p" / "profile.json").read_bytes())
    facts["policy"]["epsilon"] = 1
    (tmp_path / "p" / "profile.json").write_text(json.dumps(facts))
    with pytest.raises(SignatureError, match="damaged, or another version of Pathprint wrote it; profile again"):
        NetworkProfile.load(tmp_path / "p")
