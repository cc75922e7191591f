"""Which layers the baselines look at, and their outputs with channels second."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pathprint.models.graph import Node
from pathprint.models.network import Network
from pathprint.models.operations import CONVOLUTIONS
from pathprint.profiling.errors import OptionsError

_LAYERS = 12
"""Layers to look at, at most: evenly spaced, the last one always."""


def observed(network: Network) -> list[Node]:
    """Return up to twelve weighted layers, without the last one, that keep one row per image.

    Raises:
        OptionsError: there is none.
    """
    nodes = network.graph.weighted[:-1]
    blank = torch.zeros(2, *network.preprocessing.input_shape, device=network.device)
    with torch.inference_mode():
        values = network.graph.record(blank, [node.name for node in nodes])
    # Attention merges images with heads or windows in some layers; these have no row per image.
    usable = [node for node in nodes if len(values[node.name]) == len(blank)]
    if not usable:
        raise OptionsError(f"{network.name} has no layer that baselines can look at.")
    return [usable[i] for i in np.unique(np.linspace(0, len(usable) - 1, _LAYERS).round().astype(int))]


def by_channel(value: Tensor, node: Node) -> Tensor:
    """Return a value ``n c p`` over places: channels come second beside a convolution, last beside a linear layer."""
    rows = value if node.operation in CONVOLUTIONS else value.movedim(-1, 1)
    return rows.flatten(2) if rows.dim() > 2 else rows[..., None]
