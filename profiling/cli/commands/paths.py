"""``pathprint paths``: the path that an image takes, as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.options import (
    NETWORK_HELP,
    AsJson,
    Layers,
    Mean,
    OtherTheta,
    Resize,
    Size,
    Std,
    Stretch,
    Synapses,
    Weights,
    check_network,
)
from pathprint.profiling.cli.outputs import file_option
from pathprint.profiling.cli.results import print_json, print_result
from pathprint.profiling.errors import OptionsError


def paths(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="[BUNDLE] IMAGE",
            help="Folder that `pathprint fit` wrote, unless --network names a network, and an image file.",
            exists=True,
        ),
    ],
    out: Annotated[Path, file_option("The .npz file to write the path to.")],
    network: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"{NETWORK_HELP} Default: that of the bundle.", callback=check_network),
    ] = None,
    weights: Weights = None,
    size: Size = None,
    resize: Resize = None,
    mean: Mean = None,
    std: Std = None,
    stretch: Stretch = None,
    theta: OtherTheta = None,
    layers: Layers = None,
    synapses: Synapses = False,
    as_json: AsJson = False,
) -> None:
    """Write the path that an image takes, as arrays.

    A path is the units and weights that carried the network's answer. The file holds the network input as `input` and,
    for each weighted layer in forward order, `NAME/neurons`, `NAME/weights` and `NAME/unexplained`. With --synapses it
    also holds `NAME/synapses`: of each synapse the output unit, and the position in that unit's receptive field.

    Example:
        pathprint paths lenet5-bundle seven.png --out seven.npz
    """
    if len(source) != (1 if network else 2):
        raise OptionsError("give BUNDLE IMAGE, or --network NAME IMAGE.")
    from pathprint.profiling.cli.inputs import open_network, read_declared
    from pathprint.profiling.cli.path_file import write_path
    from pathprint.profiling.detection.bundle import load_bundle
    from pathprint.profiling.detection.detect import read_pixels
    from pathprint.profiling.paths.extraction import Extractor

    if network:
        extractor = Extractor(open_network(network, weights, read_declared(size, resize, mean, std, stretch)))
    else:
        extractor = load_bundle(source[0]).detector.extractor
    asked = {"theta": theta, "layers": layers, "synapses": synapses or None}
    policy = replace(extractor.policy, **{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]  # mypy sees one type for all
    extractor = replace(extractor, policy=policy)
    pixels = read_pixels(source[-1], extractor.network.preprocessing)[None]
    found = extractor.extract(pixels)
    write_path(out, extractor.network.preprocessing.normalise(pixels), found)
    label = extractor.network.labels[int(found.seeds[0])]
    if as_json:
        neurons = {layer.shape.name: int(layer.neurons.counts[0]) for layer in found.layers}
        print_json({"out": str(out), "predicted": label, "neurons": neurons})
    else:
        print_result(f"path of {source[-1]} (answered '{label}') through {len(found.layers)} layers written to {out}")
