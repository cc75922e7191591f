"""Digits as other libraries hold them: arrays of pixels in [0, 1], clean and attacked."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from pathprint.models.network import Network
from pathprint.profiling.arrays import Indices
from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.registry import suite
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.jobs.protecting import Options

Single = npt.NDArray[np.float32]
QUICK = Options(tier="fast", images_per_class=20, fit_images=60, calibration_images=100)


class Held(NamedTuple):
    """Images of which no role but the test knows, and attacks on them that succeed; ``n c h w``."""

    clean: Single
    labels: Indices
    attacked: Single


def held(network: Network, digits: Dataset, split: Split, images: int = 24) -> Held:
    positions = split.test.positions[:images]
    clean, labels = digits.pixels(positions, network.preprocessing), digits.labels[positions]

    made = craft(suite(network)["pgd-0.2"], network, clean, torch.from_numpy(labels))
    return Held(clean.numpy(), labels, made.pixels[made.success].numpy())


def all_digits(network: Network, digits: Dataset, images: int = 700) -> tuple[Single, Indices]:
    """Return the first digits and their classes, to fit on."""
    return digits.pixels(range(images), network.preprocessing).numpy(), digits.labels[:images]
