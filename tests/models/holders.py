"""A small classifier to which tests do what users do, and images for it."""

import torch
from torch import Tensor, nn

from pathprint.models.preprocessing import Preprocessing

PLAIN = Preprocessing(1, (6, 6), 6, (0.0,), (1.0,))
PIXELS = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))
NAMES = ["n.0", "n.3"]


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))


class Holder(nn.Module):
    """A classifier in a part called ``n``; classes derived from it do what users do."""

    def __init__(self) -> None:
        super().__init__()
        self.n = small()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.n(x)
        return logits
