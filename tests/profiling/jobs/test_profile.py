"""Profiling takes the first correct images of each class, and looks at no more than it needs; so does crafting."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from pathprint.models.zoo import catalogue
from pathprint.profiling.attacks.crafting import Crafting, craft_all
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import Correct
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Fit, profile_images
from pathprint.profiling.jobs.class_signatures import class_signatures
from pathprint.profiling.paths.extraction import Extractor


def test_profiling_stops_where_every_class_is_full(extractor: Extractor, digits: Dataset) -> None:
    seen: list[int] = []

    def reading(index: int) -> Image.Image:
        seen.append(index)
        return digits.image(index)

    images = profile_images(digits)
    found = class_signatures(extractor, replace(digits, image=reading), images, per_class=20)
    assert found.images.tolist() == [20] * 10
    assert len(set(seen)) < len(images)
    own = digits.labels[images]
    for label in range(10):
        looked_at = [index for index in seen if digits.labels[index] == label]
        assert looked_at == images[own == label][: len(looked_at)].tolist()


def photograph_network() -> nn.Module:
    """A tiny network for photographs, 224 x 224."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3))


def test_large_images_are_attacked_few_at_a_time(tmp_path: Path) -> None:
    """Gradients of 128 photographs at once would fill the memory; and each file of the cache is a place to resume."""
    network = catalogue.build("tests.profiling.jobs.test_profile:photograph_network")
    pixels = torch.rand(30, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    correct = Correct[Fit](np.arange(30), pixels, network.predict(pixels), 1.0, pixels[:0], np.arange(0))
    (attack,) = chosen(network, ["fgsm-4of255"])
    made = craft_all(attack, network, correct, Crafting(0, tmp_path))
    assert made.pixels.shape == pixels.shape
    assert len(list(tmp_path.rglob("*.safetensors"))) == 3
