"""What baselines look at: logits, averaged activations of layers, and logits of squeezed images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pathprint.models.graph import Node
from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.data.correct import at_once
from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.baselines.feature_squeezing import squeezed
from pathprint.profiling.evaluation.baselines.layers import by_channel, observed
from pathprint.profiling.progress import track


@dataclass(frozen=True)
class Observation:
    """Images, and what the network computes for them.

    Attributes:
        pixels: the images, ``n c h w`` in [0, 1].
        logits: class scores before the softmax, ``(n, k)``.
        layers: outputs of the observed weighted layers, averaged over positions, in forward order, each ``(n, c)``.
        penultimate: input of the last weighted layer, averaged over positions, ``(n, c)``.
        squeezed: logits of each squeezed copy, ``(s, n, k)``.
    """

    pixels: Tensor
    logits: Floats
    layers: tuple[Floats, ...]
    penultimate: Floats
    squeezed: Floats

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def predicted(self) -> Indices:
        classes: Indices = self.logits.argmax(1)
        return classes


class Baseline(Protocol):
    """A fitted detector: scores ``(n,)`` of an observation, larger is more suspicious."""

    def __call__(self, seen: Observation) -> Floats: ...


@dataclass(frozen=True)
class Lessons:
    """What baselines are fitted on.

    Attributes:
        network: the protected network.
        profiled: correctly classified clean profile images.
        labels: classes of the profile images.
        clean: correctly classified clean fit images, and benign changes of them.
        adversarial: successes of attacks on the fit images; None if the bundle was fitted without attacks.
    """

    network: Network
    profiled: Observation
    labels: Indices
    clean: Observation
    adversarial: Observation | None

    @property
    def attacked(self) -> Observation:
        """The successes of attacks on the fit images.

        Raises:
            FitError: the bundle was fitted without attacks.
        """
        if self.adversarial is None:
            raise FitError("it is fitted on attacks, but the bundle was fitted without any.")
        return self.adversarial


def observe(network: Network, pixels: Tensor) -> Observation:
    """Return what the network computes for pixels ``n c h w``, chunk by chunk.

    Raises:
        OptionsError: the network has no weighted layer whose activations keep one row per image.
    """
    looked_at = observed(network)
    chunks = track(torch.split(pixels, at_once(pixels)), "observing", len)
    return _joined(pixels, [_observe(network, looked_at, chunk) for chunk in chunks])


def _joined(pixels: Tensor, parts: list[Observation]) -> Observation:
    layers = zip(*(part.layers for part in parts), strict=True)
    return Observation(
        pixels,
        np.concatenate([part.logits for part in parts]),
        tuple(np.concatenate(layer) for layer in layers),
        np.concatenate([part.penultimate for part in parts]),
        np.concatenate([part.squeezed for part in parts], axis=1),
    )


def _observe(network: Network, looked_at: list[Node], pixels: Tensor) -> Observation:
    last = network.graph.weighted[-1]
    with torch.inference_mode():
        kept = {node.name for node in looked_at} | {last.reads[0]}
        values = network.graph.record(network.preprocessing.normalise(pixels), kept)
        squeezed_logits = [network.logits(copy) for copy in squeezed(pixels)]
    return Observation(
        pixels=pixels,
        logits=_floats(values[network.graph.output]),
        layers=tuple(_floats(by_channel(values[node.name], node).mean(2)) for node in looked_at),
        penultimate=_floats(by_channel(values[last.reads[0]], last).mean(2)),
        squeezed=np.stack([_floats(logits) for logits in squeezed_logits]),
    )


def _floats(value: Tensor) -> Floats:
    return value.double().cpu().numpy()
