"""What the baselines look at: logits, averaged activations of layers, answers to squeezed images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from models.graph import Node
from models.network import Network
from models.operations import CONVOLUTIONS, WEIGHTED
from profiling.building import CHUNK
from profiling.errors import OptionsError
from profiling.evaluation.baselines.squeezers import squeezed
from profiling.lookup import Floats
from profiling.paths.path import Indices
from profiling.progress import track

_LAYERS = 12
"""Layers to look at, at most: evenly spaced, the last one always."""


@dataclass(frozen=True)
class Observation:
    """Some images as the network saw them.

    Attributes:
        logits: ``(n, k)``.
        layers: output of weighted layers, averaged over places, in forward order, each ``(n, c)``.
        penultimate: what the last weighted layer reads, averaged over places, ``(n, c)``.
        squeezed: logits of each squeezed copy, ``(s, n, k)``.
    """

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
        profiled: correctly classified clean profile images, with their ``labels``.
        clean: correctly classified clean fit images.
        adversarial: successes of attacks on them.
    """

    profiled: Observation
    labels: Indices
    clean: Observation
    adversarial: Observation


def observe(network: Network, pixels: Tensor, title: str) -> Observation:
    """Return what the network does with pixels ``n c h w``, chunk by chunk.

    Raises:
        OptionsError: the network has no weighted layer whose activations keep one row per image.
    """
    parts = [_observe(network, chunk) for chunk in track(torch.split(pixels, CHUNK), title)]
    layers = zip(*(part.layers for part in parts), strict=True)
    return Observation(
        np.concatenate([part.logits for part in parts]),
        tuple(np.concatenate(layer) for layer in layers),
        np.concatenate([part.penultimate for part in parts]),
        np.concatenate([part.squeezed for part in parts], axis=1),
    )


def _observe(network: Network, pixels: Tensor) -> Observation:
    nodes = [node for node in network.graph.nodes if node.operation in WEIGHTED]
    before_last = nodes[-1].reads[0]
    with torch.inference_mode():
        kept = {node.name for node in nodes} | {before_last}
        values = network.graph.record(network.preprocessing.normalise(pixels), kept)
        squeezed_logits = [network.logits(copy) for copy in squeezed(pixels)]
    # Attention merges images with heads or windows in some layers; these have no row per image.
    usable = [node for node in nodes[:-1] if len(values[node.name]) == len(pixels)]
    if not usable:
        raise OptionsError(f"{network.name} has no layer that baselines can look at.")
    spaced = np.unique(np.linspace(0, len(usable) - 1, _LAYERS).round().astype(int))
    return Observation(
        logits=_floats(values[network.graph.output]),
        layers=tuple(_averaged(values[usable[i].name], usable[i]) for i in spaced),
        penultimate=_averaged(values[before_last], nodes[-1]),
        squeezed=np.stack([_floats(logits) for logits in squeezed_logits]),
    )


def _averaged(value: Tensor, node: Node) -> Floats:
    """Return the mean over places: channels come second beside a convolution, last beside a linear layer."""
    if node.operation in CONVOLUTIONS:
        return _floats(value.flatten(2).mean(2))
    return _floats(value.flatten(1, -2).mean(1) if value.dim() > 2 else value)


def _floats(value: Tensor) -> Floats:
    return value.double().cpu().numpy()
