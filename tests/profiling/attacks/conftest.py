"""Clean digits that the shipped network answers correctly."""

import pytest
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split


@pytest.fixture(scope="session")
def clean(digits: Dataset, digits_split: Split, digits_network: Network) -> tuple[Tensor, Tensor]:
    """Pixels and labels; images from the fit role, as tuning may look at them."""
    chosen = digits_split.fit.positions[:40]
    pixels, labels = digits.pixels(chosen, digits_network.preprocessing), torch.from_numpy(digits.labels[chosen])
    right = digits_network.predict(pixels) == labels
    return pixels[right], labels[right]
