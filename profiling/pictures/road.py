"""The road of a class through one layer, its usual path, and how an image's path lies beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Counts, Floats, Indices
from pathprint.profiling.paths.path import LayerShape

_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a convolution, or one unit of a linear layer.

    Attributes:
        units: how many of its units are on the path of the image.
        usual, usual_runner_up: how many are, on average, on the path of a profiled image of the predicted class, and
            of the runner-up.
    """

    number: int
    units: int
    usual: float
    usual_runner_up: float


@dataclass(frozen=True, slots=True)
class Known:
    """Which classes know the units of a path: shares of the path that add up to 1, all 0 for an empty path.

    A class knows a unit that was on the path of any of its profiled images; of a class with compact signatures, of at
    least 2 % of them.
    """

    by_both: float
    by_predicted: float
    by_runner_up: float
    by_neither: float

    def to_dict(self) -> dict[str, float]:
        """Return the shares as JSON-able data."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Road:
    """An image's path through a layer beside the roads of its predicted class and its runner-up.

    Attributes:
        path: units on the path, positions in the flattened output of the layer.
        shares: in which share of the profiled images of the predicted class, and of the runner-up, each unit was on
            the path, ``(2, size)``.
    """

    shape: LayerShape
    path: Indices
    shares: Floats

    @property
    def known(self) -> Known:
        """Which classes know the units of the path."""
        predicted, runner_up = self.shares[:, self.path] > 0
        counts = np.bincount(2 * predicted + runner_up, minlength=4) / max(len(self.path), 1)
        neither, only_runner_up, only_predicted, both = counts.tolist()
        return Known(both, only_predicted, only_runner_up, neither)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels with most units on the path, or usually with most, most first; at most 8."""
        used, usual = self._per_channel
        order = np.argsort(-np.maximum(used, usual[0]), kind="stable")
        largest = [int(at) for at in order[:_CHANNELS] if used[at] or usual[0, at]]
        return tuple(Channel(at, int(used[at]), float(usual[0, at]), float(usual[1, at])) for at in largest)

    @property
    def _per_channel(self) -> tuple[Counts, Floats]:
        """How many units of each channel are on the path, ``(c,)``, and usually are for either class, ``(2, c)``."""
        channels = channels_of(self.shape)
        places = prod(self.shape.neurons) // channels
        if _channels_first(self.shape):
            return np.bincount(self.path // places, minlength=channels), self.shares.reshape(2, channels, -1).sum(2)
        return np.bincount(self.path % channels, minlength=channels), self.shares.reshape(2, -1, channels).sum(1)

    @property
    def places(self) -> Floats | None:
        """How many units lie at each place of the picture, ``(3, h, w)``; None for a layer that has no such places.

        On the path, and on average on the paths of profiled images of the predicted class and of the runner-up.
        """
        if not _channels_first(self.shape) or len(self.shape.neurons) != 3:
            return None
        on = np.zeros(prod(self.shape.neurons))
        on[self.path] = 1
        found: Floats = np.vstack([on, self.shares]).reshape(3, *self.shape.neurons).sum(1)
        return found


def channels_of(shape: LayerShape) -> int:
    """Return how many channels the layer's output has, or units in a linear layer."""
    return shape.neurons[0 if _channels_first(shape) else -1]


def _channels_first(shape: LayerShape) -> bool:
    return len(shape.weights) > 2


def channels_to_list(channels: tuple[Channel, ...]) -> list[dict[str, Any]]:
    """Return channels as JSON-able data."""
    return [asdict(channel) for channel in channels]
