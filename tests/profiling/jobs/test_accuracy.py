"""A network that is hardly ever right is refused before any work; one that is wrong too often is warned about."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
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
from pathprint.profiling.errors import FitError
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


@pytest.mark.parametrize("job", ["profile", "fit", "evaluate"])
def test_wrong_labels_end_every_job_before_its_work(
    digits: Dataset, digits_network: Network, bundle: Bundle, job: str
) -> None:
    wrong = shifted(10)(digits)
    with (
        pytest.raises(FitError, match=r"right on \d of 256 images .*--class-map.*--any-accuracy"),
        shown_by(only_looking),
    ):
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


def test_profiling_goes_on_where_it_is_told_to(digits: Dataset, digits_network: Network) -> None:
    profile = pathprint.profile(digits_network, shifted(9)(digits), images_per_class=1, any_accuracy=True)
    assert profile.signatures.images.sum() > 0
