"""Say a path in the form that the oracle judges."""

import numpy as np
import numpy.typing as npt

from pathprint.profiling.paths.path import ImagePaths
from tests.definitions.network import Trace
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
