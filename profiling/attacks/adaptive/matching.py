"""Second way to evade: match the activations of an image of another class (Ptolemy's AT_n, Gan et al. 2020).

An image with the activations of a benign image also has that image's path. Distances are divided by the size of the
matched activations, so that every layer counts equally.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Indices
from pathprint.profiling.attacks.adaptive.likeness import answers
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.detection.detector import Detector

_TINY = 1e-12


@dataclass(frozen=True)
class Guides:
    """Clean images ``n c h w`` whose activations attacked images are made to match, and their classes ``(n,)``."""

    pixels: Tensor
    labels: Tensor

    def choose(self, labels: Tensor, judged: Indices, count: int, draws: Draws) -> list[Tensor]:
        """Return up to ``count`` batches ``n c h w``, each with one guide for every attacked image.

        An image's guides are distinct, and of a class that is not its label and on which there are verdicts. If an
        image has fewer of them, the rest are arbitrary guides, which gain the attacker nothing.

        Args:
            labels: right classes of the attacked images, ``(n,)``.
            judged: classes on which the detector gives verdicts.
        """
        allowed = (labels[:, None] != self.labels) & torch.from_numpy(np.isin(self.labels.numpy(), judged))
        most = min(count, int(allowed.sum(1).amax()))
        chosen = draws.uniform(len(self.labels)).masked_fill(~allowed, -1).topk(most, dim=1).indices
        return [self.pixels[column] for column in chosen.T]


@dataclass(frozen=True)
class Target:
    """The activations that are to be matched.

    Attributes:
        names: names of the matched values in the network's graph.
        values: these values for the guides, and the logits of each test-time view of them that the detector asks about.
    """

    detector: Detector
    names: tuple[str, ...]
    values: Sequence[Tensor]

    @staticmethod
    def of(detector: Detector, guides: Tensor, layers: int | None) -> Target:
        """Return the outputs of the last ``layers`` weighted layers, or of all for None, for the guides ``n c h w``."""
        names = tuple(node.name for node in detector.network.graph.weighted)[-(layers or 0) :]
        with torch.no_grad():
            return Target(detector, names, _looked(detector, guides, names))


def direction(target: Target, made: Tensor) -> Tensor:
    """Return the steepest descent of the distance to the target, ``n c h w``."""
    leaf = made.detach().requires_grad_()
    with torch.enable_grad():
        pairs = zip(_looked(target.detector, leaf, target.names), target.values, strict=True)
        distance = torch.stack([_distance(here, there, len(made)) for here, there in pairs]).sum()
        (gradient,) = torch.autograd.grad(-distance, leaf)
    return gradient


def _distance(here: Tensor, there: Tensor, images: int) -> Tensor:
    """Return the sum of each image's squared distance, relative to the size of its target."""
    # Some attention layers do not keep images in the first dimension; there the whole batch counts as one image.
    rows = images if len(there) == images else 1
    away, size = ((here - there).reshape(rows, -1), there.reshape(rows, -1))
    return (away.square().sum(1) / size.square().sum(1).clamp(min=_TINY)).sum()


def _looked(detector: Detector, pixels: Tensor, names: tuple[str, ...]) -> list[Tensor]:
    values = detector.network.graph.record(detector.network.preprocessing.normalise(pixels), names)
    return [*(values[name] for name in names), *answers(detector, pixels, values)[1:]]
