"""The file that ``pathprint paths`` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from pathprint.profiling.paths.path import ImagePaths, LayerPath
from pathprint.profiling.writing.whole import whole_file

Arrays = dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]


def write_path(file: Path, network_input: Tensor, paths: ImagePaths) -> None:
    """Write the first image's input, of inputs ``n c h w``, and its path through each layer as one .npz file."""
    arrays: Arrays = {"input": network_input[0].numpy()}
    for layer in paths.layers:
        arrays |= {f"{layer.shape.name}/{name}": array for name, array in path_arrays(layer).items()}
    with whole_file(file) as partial, partial.open("wb") as opened:
        np.savez_compressed(opened, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its options


def path_arrays(layer: LayerPath) -> Arrays:
    """Return the path of the first image through one layer as arrays."""
    arrays: Arrays = {
        "neurons": layer.neurons.mask()[0].reshape(layer.shape.neurons),
        "weights": layer.weights.mask()[0].reshape(layer.shape.weights),
        "unexplained": layer.unexplained[:1].reshape(()),
    }
    if layer.synapse_ids is not None:
        arrays["synapses"] = np.stack(np.divmod(layer.synapse_ids.one(0), layer.shape.fan_in), axis=1)
    return arrays
