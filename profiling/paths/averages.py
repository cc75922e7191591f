"""Averages of what weighted layers read, over the quarters of the image: what linear probes look at.

A layer's input is recorded for the walk anyway, so an average costs one pass over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from pathprint.models.graph import INPUT
from pathprint.profiling.paths.steps.weighted import Weighted

MOST = 512
"""Numbers in the average of one activation, at most: an activation of more channels has no average."""
_SIDE = 2


@dataclass(frozen=True, slots=True)
class Average:
    """How one activation is averaged.

    Attributes:
        layer: name of the first weighted layer that reads the activation.
        activation: its name in the network's graph.
        side: parts along either side of a picture; 1 where all places are averaged.
        channels_last: whether the channels are its last axis, as before linear layers; else they are the first.
        size: numbers in the average.
    """

    layer: str
    activation: str
    side: int
    channels_last: bool
    size: int

    def of(self, value: Tensor) -> Tensor:
        """Return the averages of an activation, ``(n, size)``; its images are the first axis."""
        if self.channels_last:
            return value.reshape(len(value), -1, value.shape[-1]).mean(1)
        if self.side == 1:
            return value.flatten(2).mean(2)
        return F.adaptive_avg_pool2d(value, self.side).flatten(1)


def averages(steps: Sequence[Weighted], shapes: Mapping[str, tuple[int, ...]]) -> tuple[Average, ...]:
    """Return the averages of all activations that weighted layers read, in forward order.

    The image itself is left out, and so are activations with more than ``MOST`` channels. A picture is averaged over
    its quarters if that gives at most ``MOST`` numbers, otherwise over all its places.

    Args:
        shapes: shape of each activation for one image.
    """
    first = {step.x: step for step in reversed(steps) if step.x != INPUT}
    found = [_average(step, shapes[step.x]) for step in steps if first.get(step.x) is step]
    return tuple(average for average in found if average.size <= MOST)


def _average(step: Weighted, shape: tuple[int, ...]) -> Average:
    channels = shape[-1] if step.channels_last else shape[0]
    quartered = not step.channels_last and len(shape) == 3 and min(shape[1:]) >= _SIDE
    side = _SIDE if quartered and channels * _SIDE * _SIDE <= MOST else 1
    return Average(step.layer.name, step.x, side, step.channels_last, channels * side * side)
