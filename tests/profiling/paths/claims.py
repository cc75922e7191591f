"""Say a path, and the run that it was chosen from, in the form that the oracle judges."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.profiling.paths.kernels.precision import full_precision
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.plan import plan
from tests.definitions.effective_path import trace
from tests.definitions.network import Trace, exported
from tests.definitions.walk import shape

Claim = tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], int]


def claims(paths: ImagePaths, image: int = 0) -> dict[str, Claim]:
    """Return neurons, weights and the unexplained count of each layer of one image."""
    return {
        layer.shape.name: (
            layer.neurons.mask()[image].reshape(layer.shape.neurons),
            layer.weights.mask()[image].reshape(layer.shape.weights),
            int(layer.unexplained[image]),
        )
        for layer in paths.layers
    }


def shaped(found: dict[str, Claim], trace: Trace) -> dict[str, Claim]:
    """Give neurons the shapes of the oracle, which keeps the batch of one where it is not first."""
    shapes = {step.name: shape(trace, step.node) for step in trace.steps if step.rule == "weighted"}
    return {name: (n.reshape(shapes[name]), weights, count) for name, (n, weights, count) in found.items()}


def recorded(network: Network, pixels: Tensor) -> list[dict[str, Tensor]]:
    """Return for each image the output of every weighted layer, by layer, as a run of this batch computes it."""
    layers = {node.name: node.layer for node in network.graph.weighted}
    axes = plan(network).axes
    with torch.inference_mode():
        x = network.preprocessing.normalise(pixels.to(network.device))
        with full_precision(x.device):
            values = network.graph.record(x, layers)
    placed = {layer: axes[name].images_first(values[name]).cpu() for name, layer in layers.items() if name in axes}
    return [{layer: value[image] for layer, value in placed.items()} for image in range(len(pixels))]


def runs(module: nn.Module, network: Network, pixels: Tensor) -> list[Trace]:
    """Return the oracle's run of each image, which goes on with what ``network`` computes for the batch.

    Two runs differ in the last bits, by the processor, the size of the batch and the number of threads. A choice at
    its limit may then differ, and all that follows from it. So both sides choose from one run, which the oracle has
    checked layer by layer.
    """
    found = recorded(network, pixels)
    images = [network.preprocessing.normalise(image) for image in pixels]
    once = exported(module, images[0])
    return [trace(once, image, values) for image, values in zip(images, found, strict=True)]
