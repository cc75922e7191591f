"""Compile the CPU kernel ahead of the first image: ``python -m pathprint.profiling.paths.kernels.cpu.warm_up``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.paths.extraction import Extractor


class _Twice(nn.Module):
    """A residual sum of a padded convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolution(x)
        return F.pad(y[:, :, 1:], (0, 0, 1, 0)) + y


class _Attention(nn.Module):
    """Four tokens that look at one another."""

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, 4, 2)
        return F.scaled_dot_product_attention(tokens, tokens, tokens).flatten(1)


def warm_up() -> None:
    """Extract one path through a tiny network that uses every compiled function."""
    pooled = (_Twice(), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Flatten())
    module = nn.Sequential(*pooled, _Attention(), nn.Linear(8, 2))
    network = Network.capture(module, Preprocessing(1, (8, 8), 8, (0.0,), (1.0,)))
    Extractor(network).extract(torch.rand(1, 1, 8, 8))


if __name__ == "__main__":
    warm_up()
