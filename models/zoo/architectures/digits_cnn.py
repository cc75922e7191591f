"""A small convolutional classifier for scikit-learn's 8 x 8 digits."""

from __future__ import annotations

from torch import nn


def digits_cnn(classes: int = 10) -> nn.Module:
    """Return an untrained network for inputs ``n 1 8 8``: three convolutions, two linear layers."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 48, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(48 * 2 * 2, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )
