"""LeNet-5 for 28 x 28 grey images (LeCun et al. 1998), with ReLU and max-pooling as used today."""

from __future__ import annotations

from torch import nn


def lenet5(classes: int = 10) -> nn.Module:
    """Return an untrained network for inputs ``n 1 28 28``."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )
