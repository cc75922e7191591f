"""The layers that baselines look at, and their outputs with channels in the second dimension."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pathprint.models.graph import Node
from pathprint.models.network import Network
from pathprint.models.operations import CONVOLUTIONS
from pathprint.profiling.errors import OptionsError

_LAYERS = 12
"""Most layers to look at; they are evenly spaced and include the last usable one."""


def observed(network: Network) -> list[Node]:
    """Return up to twelve weighted layers, without the last one, that keep one row per image.

    Raises:
        OptionsError: the network has no layer of this kind.
    """
    nodes = network.graph.weighted[:-1]
    blank = torch.zeros(2, *network.preprocessing.input_shape, device=network.device)
    with torch.inference_mode():
        values = network.graph.record(blank, [node.name for node in nodes])
    # Attention merges images with heads or windows in some layers; these have no row per image.
    usable = [node for node in nodes if len(values[node.name]) == len(blank)]
    if not usable:
        raise OptionsError(
            f"{network.name} has no layer for baselines: no weighted layer before the last keeps images apart."
        )
    return [usable[i] for i in np.unique(np.linspace(0, len(usable) - 1, _LAYERS).round().astype(int))]


def by_channel(value: Tensor, node: Node) -> Tensor:
    """Return a layer's value as ``n c p``, channels by positions.

    In ``value``, channels are the second dimension of a convolution, and the last dimension of a linear layer.
    """
    rows = value if node.operation in CONVOLUTIONS else value.movedim(-1, 1)
    return rows.flatten(2) if rows.dim() > 2 else rows[..., None]
