"""``pathprint bench``: what a detection costs beside a plain inference."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
import typer
from rich.table import Table

from pathprint.models.network import Network
from pathprint.models.zoo import catalogue as zoo
from pathprint.profiling.cli.options import AsJson, Data, Layers, NetworkName, Seed, Theta, Weights, print_json
from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.evaluation.cost import Cost, cost
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.progress import console
from pathprint.profiling.threads import settle_threads


def bench(
    network: NetworkName,
    weights: Weights = None,
    data: Data = "digits",
    batch: Annotated[int, typer.Option(min=1, help="Images that are examined at once.")] = 16,
    theta: Theta = 0.5,
    layers: Layers = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Default: what torch would use.")] = None,
    rounds: Annotated[int, typer.Option(min=10, help="Times that each is run, in turn.")] = 15,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Time a detection beside a plain inference, in turn, in one process.

    Example: pathprint bench --network digits-cnn --batch 64
    """
    module, preprocessing, labels = zoo.opened(network, weights)
    extractor = Extractor(Network.capture(module, preprocessing, labels, network), Policy(theta, layers=layers))
    settle_threads(preprocessing)
    if threads is not None:
        torch.set_num_threads(threads)
    dataset = open_dataset(data)
    images = np.random.default_rng(seed).permutation(len(dataset))[:batch]  # folders hold one class after the other
    found = cost(extractor, module, dataset.pixels(images, preprocessing), rounds)
    console.print(table(found))
    if as_json:
        print_json(found.to_dict())


def table(found: Cost) -> Table:
    """Return the figures as a table for people."""
    title = f"{found.network}, {found.batch} images, {found.threads} threads, {found.layers} layers"
    shown = Table("", "", title=title, show_header=False)
    memory = "not known here" if found.peak_mb is None else f"{found.peak_mb:.0f} MB"
    rows = {
        "plain inference": f"{found.plain_ms:.2f} ms per image",
        "detection": f"{found.detect_ms:.2f} ms per image",
        "ratio": f"{found.ratio:.2f}",
        "thorough detection": f"{found.thorough_ms:.2f} ms per image, ratio {found.thorough_ms / found.plain_ms:.2f}",
        "extraction alone": f"{found.extract_ms:.2f} ms, {found.contributions_per_s / 1e9:.2f} G contributions/s",
        "peak memory": f"{memory}; all activations: {found.activations_mb:.0f} MB",
        "borderline units": f"{found.borderline:.3%}",
    }
    for name, figure in rows.items():
        shown.add_row(name, figure)
    return shown
