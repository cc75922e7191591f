"""``pathprint bench``: what a detection costs beside a plain inference."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from pathprint.profiling.cli.options import AsJson, Data, Layers, NetworkName, Seed, Theta, Weights, data_for
from pathprint.profiling.cli.results import print_json

Device = Literal["cpu", "cuda"]


def bench(
    network: NetworkName,
    weights: Weights = None,
    data: Data = None,
    batch: Annotated[int, typer.Option(min=1, help="Number of images that are examined at once.")] = 16,
    theta: Theta = 0.5,
    layers: Layers = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Number of processor threads to use. Default: as many as torch would use.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to run; cuda is a GPU.")] = "cpu",
    rounds: Annotated[
        int, typer.Option(min=10, help="Number of times that detection and inference are timed in turn.")
    ] = 15,
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="Bundle of this network: count also what its verdicts on clean images cost.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Time a detection beside a plain inference.

    Both are run in turn in one process, and medians are reported. Plain inference is the fastest of many ways to run
    the network: your module or our graph of it, either memory layout, all images at once or fewer, threads together or
    each alone; --json lists all ways. With --bundle, images that the bundle has not seen
    and that the network is right on are sent through its stages; reported are mean and 99th percentile of their cost,
    counted in inferences: 2 for the recorded inference and the walk, and 1 for each view.

    Example:
        pathprint bench --network digits-cnn --batch 64
    """
    images = data_for(network, data)
    import numpy as np
    import torch

    from pathprint.models.network import Network
    from pathprint.models.zoo import catalogue
    from pathprint.profiling.cli import tables
    from pathprint.profiling.cli.terminal import show
    from pathprint.profiling.data.datasets import open_dataset
    from pathprint.profiling.errors import OptionsError
    from pathprint.profiling.evaluation.cost import cost
    from pathprint.profiling.evaluation.stages import clean_cost
    from pathprint.profiling.paths.extraction import Extractor
    from pathprint.profiling.paths.policy import Policy
    from pathprint.profiling.threads import settle_threads

    if device == "cuda" and not torch.cuda.is_available():
        raise OptionsError("--device cuda needs a GPU that torch can use; there is none here.")
    module, preprocessing, labels = catalogue.opened(network, weights)
    captured = Network.capture(module, preprocessing, labels, network).to(device)
    extractor = Extractor(captured, Policy(theta, layers=layers))
    settle_threads(preprocessing)
    if threads is not None:
        torch.set_num_threads(threads)
    dataset = open_dataset(images)
    timed = np.random.default_rng(seed).permutation(len(dataset))[:batch]  # folders hold one class after the other
    found = cost(extractor, module, dataset.pixels(timed, preprocessing), rounds)
    show(tables.cost(found))
    counted = None if bundle is None else clean_cost(bundle, captured, dataset)
    if counted:
        show(tables.stage_cost(counted))
    if as_json:
        print_json(found.to_dict() | ({"clean_images": asdict(counted)} if counted else {}))
