"""Long steps count images, and the last total that is shown is what was done."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from pathprint.models.network import Network
from pathprint.models.zoo.training import Recipe, train
from pathprint.profiling.attacks.adaptive.evade import Adaptive
from pathprint.profiling.attacks.benign import FIXED
from pathprint.profiling.attacks.crafting import control_all
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Images, Split, Test
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.evaluation.adaptive import curve
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.progress import Meter, shown_by, track
from pathprint.profiling.studies.correct_paths import correct_paths
from pathprint.profiling.studies.sanity import sanity


class Tally:
    """A listener that adds up what each step does, and keeps the last total it was told of."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.totals: dict[str, int] = {}

    @contextmanager
    def __call__(self, description: str, total: int) -> Iterator[Meter]:
        tally = self
        tally.totals[description] = tally.totals.get(description, 0) + total

        class Shown:
            def advance(self, count: int, bad: int = 0) -> None:
                tally.done[description] += count

            def expect(self, total: int) -> None:
                tally.totals[description] = total

        yield Shown()


def wrong_on_every_second(digits: Dataset, network: Network, count: int) -> Images[Test]:
    """Return digits of which the network answers only about half as their labels say."""
    labels = digits.labels.copy()
    labels[::2] = (labels[::2] + 1) % 10
    return Images[Test](replace(digits, labels=labels), np.arange(count))


def training(digits: Dataset, network: Network) -> None:
    pixels = digits.pixels(range(30), network.preprocessing)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    train(module, network.preprocessing, pixels, torch.from_numpy(digits.labels[:30]), Recipe(2, 8), track)


STEPS: dict[str, tuple[Callable[[Dataset, Network, Bundle], object], dict[str, int]]] = {
    "training": (lambda digits, network, bundle: training(digits, network), {"training": 60}),
    "correct images": (
        lambda digits, network, bundle: correct_images(network, Images[Test](digits, np.arange(300)), 150),
        {"finding correctly predicted images": 150},
    ),
    "paths": (
        lambda digits, network, bundle: list(correct_paths(Extractor(network), digits, np.arange(600), 4)),
        {"extracting paths": 40},
    ),
    "sanity": (
        lambda digits, network, bundle: sanity(
            Extractor(network), digits.pixels(range(40), network.preprocessing), digits.labels[:40], (0.3, 0.9)
        ),
        {"removing and keeping paths, theta 0.3": 40, "removing and keeping paths, theta 0.9": 40},
    ),
    "controls": (
        lambda digits, network, bundle: control_all(
            FIXED[0], network, correct_images(network, Images[Test](digits, np.arange(40)), 20), 0
        ),
        {f"benign change {FIXED[0].name}": 20, "finding correctly predicted images": 20},
    ),
    "adaptive": (
        lambda digits, network, bundle: curve(
            bundle.detector,
            correct_images(network, Images[Test](digits, np.arange(40)), 12),
            2,
            0,
            lambda budget: Adaptive(budget, 1, (0.0,), (0.5,), (1,), 1, 1, 5),
        ),
        {"adaptive attack 0.100": 2},
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_counts_its_images_and_ends_at_their_number(
    step: str, digits: Dataset, digits_network: Network, bundle: Bundle
) -> None:
    work, expected = STEPS[step]
    with shown_by(tally := Tally()):
        work(digits, digits_network, bundle)
    assert tally.done == tally.totals
    assert {name: tally.done[name] for name in expected} == expected


def test_a_step_that_finds_fewer_images_than_wanted_ends_at_what_it_found(
    digits: Dataset, digits_network: Network, digits_split: Split
) -> None:
    images = wrong_on_every_second(digits, digits_network, 200)
    with shown_by(tally := Tally()):
        found = correct_images(digits_network, images, 190)
        paths = list(correct_paths(Extractor(digits_network), images.dataset, images.positions, 100))
    assert tally.done == tally.totals
    assert tally.done["finding correctly predicted images"] == len(found.indices) < 190
    assert tally.done["extracting paths"] == sum(len(labels) for _, labels in paths) < 200
