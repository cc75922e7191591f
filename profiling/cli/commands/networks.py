"""``pathprint networks`` and ``pathprint train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from pathprint.models.errors import UnknownNetworkError
from pathprint.models.zoo import catalogue as zoo
from pathprint.models.zoo import training
from pathprint.profiling.cli.options import AsJson, Data, Seed, print_json
from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.data.roles import profile_images, unseen
from pathprint.profiling.progress import console, track
from pathprint.profiling.threads import settle_threads


def networks(as_json: AsJson = False) -> None:
    """List the networks that --network accepts.

    Example: pathprint networks
    """
    if as_json:
        print_json({"networks": zoo.names()})
        return
    for name, entry in zoo.ZOO.items():
        typer.echo(f"{name:<28} {entry.summary}")
    typer.echo("torchvision:NAME             any of: " + ", ".join(n.split(":")[1] for n in zoo.names() if ":" in n))
    typer.echo("package.module:factory       your own function that returns a torch module")
    typer.echo("FILE.pt2                     what torch.export.save wrote; needs no code")


def train(
    name: Annotated[str, typer.Argument(help="One of our own networks; see `pathprint networks`.")],
    data: Data = "digits",
    out: Annotated[Path | None, typer.Option(help="Weights file to write. Default: NAME.safetensors.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training images. Default: the network's own.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train one of our own networks on a data set's training images.

    Example: pathprint train lenet5 --data mnist.npz --out lenet5.safetensors
    """
    if name not in zoo.ZOO:
        raise UnknownNetworkError(f"{name!r} cannot be trained here; choose from {', '.join(zoo.ZOO)}.")
    entry, target = zoo.ZOO[name], out or Path(f"{name}.safetensors")
    settle_threads(entry.preprocessing)
    dataset = open_dataset(data)
    torch.manual_seed(seed)
    module = entry.build(len(dataset.classes))
    images = profile_images(dataset, seed)
    pixels, labels = dataset.pixels(images, entry.preprocessing), torch.from_numpy(dataset.labels[images])
    recipe = replace(entry.recipe, seed=seed, epochs=epochs or entry.recipe.epochs)
    training.train(module, entry.preprocessing, pixels, labels, recipe, track)
    held_out = unseen(dataset, frozenset(dataset.keys[images].tolist()))
    right = training.accuracy(
        module,
        entry.preprocessing,
        dataset.pixels(held_out, entry.preprocessing),
        torch.from_numpy(dataset.labels[held_out]),
    )
    facts = {
        "network": name,
        "data": Path(data).name,
        "seed": seed,
        "epochs": recipe.epochs,
        "held_out_accuracy": right,
    }
    training.save_weights(module, dataset.classes, facts, target)
    console.print(f"{name}: {right:.2%} of {len(held_out)} held-out images are right; weights in {target}")
    if as_json:
        print_json({**facts, "weights": str(target), "images": len(images)})
