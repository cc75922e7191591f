"""Detectors of pytorch-ood (extra ``bench``); none of them is fitted on attacks.

They get the activations that all baselines get, so that only the detectors differ. Hyperparameters are the library's
or the papers'; none was chosen on attacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from pytorch_ood.detector import GEN, KNN, NACUE, MultiMahalanobis, ViM
from torch import Tensor, nn

from pathprint.models.graph import Node
from pathprint.models.network import Network
from pathprint.models.operations import CONVOLUTIONS
from pathprint.profiling.arrays import Floats
from pathprint.profiling.data.correct import CHUNK, at_once
from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.baselines.layers import observed
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, Observation

_NEIGHBOURS = 50  # the library's choice


def mahalanobis(lessons: Lessons) -> Baseline:
    """Return the Mahalanobis distance to the nearest class, summed over layers without fitted weights."""
    layers = [_tensor(values) for values in lessons.profiled.layers]
    fitted = MultiMahalanobis([nn.Identity()] * len(layers))
    fitted.fit_structured(layers, _numbered(lessons))

    def score(seen: Observation) -> Floats:
        # The library makes a matrix of images by images, so it gets them in chunks.
        chunks = zip(*(torch.split(_tensor(values), CHUNK) for values in seen.layers), strict=True)
        return _floats(torch.cat([fitted.predict_structured(list(chunk)) for chunk in chunks]))

    return score


def vim(lessons: Lessons) -> Baseline:
    """Return virtual-logit matching on the penultimate layer.

    Raises:
        FitError: the logits are not the output of a linear layer.
    """
    network = lessons.network
    last = network.graph.weighted[-1]
    if last.name != network.graph.output or last.operation in CONVOLUTIONS:
        raise FitError(
            f"the logits of {network.name} are not the output of a linear layer; ViM needs the weights of one."
        )
    weight, *bias = (network.graph.constants[name].cpu() for name in last.reads[1:])
    width = weight.shape[1]
    fitted = ViM(None, _subspace(width), weight, bias[0] if bias else torch.zeros(len(weight)))
    fitted.fit_features(_tensor(lessons.profiled.penultimate), _numbered(lessons))
    return lambda seen: _floats(fitted.predict_features(_tensor(seen.penultimate)))


def nearest_neighbours(lessons: Lessons) -> Baseline:
    """Return the distance to the 50th nearest profile image of any class, on the penultimate layer."""
    known = _tensor(lessons.profiled.penultimate)
    fitted = KNN(None, min(_NEIGHBOURS, len(known))).fit_features(known, _numbered(lessons))
    return lambda seen: _floats(fitted.predict_features(_tensor(seen.penultimate)))


def coverage(lessons: Lessons) -> Baseline:
    """Return neuron activation coverage on all observed layers whose channels the library finds."""
    network = lessons.network
    tapped = _Tapped(network, [node for node in observed(network) if _averages(network, node)])
    fitted = NACUE(tapped, list(tapped.taps))
    fitted.fit(_few(lessons.profiled))

    def score(seen: Observation) -> Floats:
        return np.concatenate([_floats(fitted.predict(chunk)) for chunk in _few(seen)])

    return score


def generalised_entropy(lessons: Lessons) -> Baseline:
    """Return the generalised entropy of the softmax; nothing is fitted."""
    return lambda seen: _floats(GEN(None).predict_logits(torch.from_numpy(seen.logits)))


def _few(seen: Observation) -> tuple[Tensor, ...]:
    """Return the pixels in parts whose gradients fit into memory; copies, as inference tensors allow no gradients."""
    return torch.split(seen.pixels.clone(), at_once(seen.pixels))


DETECTORS: Mapping[str, tuple[str, Callable[[Lessons], Baseline]]] = {
    "ood-mahalanobis": ("pytorch-ood: MultiMahalanobis, layers summed (Lee et al. 2018)", mahalanobis),
    "ood-vim": ("pytorch-ood: ViM, penultimate layer (Wang et al. 2022)", vim),
    "ood-knn": ("pytorch-ood: KNN, k = 50, penultimate layer (Sun et al. 2022)", nearest_neighbours),
    "ood-nac": ("pytorch-ood: NACUE, neuron activation coverage (Liu et al. 2024)", coverage),
    "ood-gen": ("pytorch-ood: GEN, generalised entropy of the softmax (Liu et al. 2023)", generalised_entropy),
}


class _Tapped(nn.Module):
    """A network as a module for a library that hooks modules: each of ``taps`` passes on the output of a layer."""

    def __init__(self, network: Network, nodes: list[Node]) -> None:
        super().__init__()
        self.network, self.nodes = network, nodes
        self.taps = nn.ModuleList(nn.Identity() for _ in nodes)

    def forward(self, pixels: Tensor) -> Tensor:
        # The library takes gradients at the taps, so the input has to require them.
        values = self.network.graph.record(
            self.network.preprocessing.normalise(pixels.requires_grad_()), [node.name for node in self.nodes]
        )
        for node, tap in zip(self.nodes, self.taps, strict=True):
            tap(values[node.name])
        return values[self.network.graph.output]


def _averages(network: Network, node: Node) -> bool:
    """Return whether the library finds a layer's channels: those of a convolution, or of a value without positions."""
    blank = torch.zeros(1, *network.preprocessing.input_shape, device=network.device)
    with torch.inference_mode():
        value = network.graph.record(blank, [node.name])[node.name]
    return value.dim() == 2 or (node.operation in CONVOLUTIONS and value.dim() == 4)


def _subspace(width: int) -> int:
    """Return the size of the principal subspace (ViM paper, section 4.3); for narrower layers, half the width."""
    return 1000 if width >= 2048 else 512 if width >= 768 else width // 2


def _numbered(lessons: Lessons) -> Tensor:
    """Return labels numbered from 0 without gaps, as the library requires."""
    return torch.from_numpy(np.unique(lessons.labels, return_inverse=True)[1])


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(values).float()


def _floats(scores: Tensor) -> Floats:
    return scores.double().cpu().numpy()
