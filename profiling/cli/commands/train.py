"""``pathprint train``: train one of our own networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.models.errors import UnknownNetworkError
from pathprint.models.zoo.names import OWN
from pathprint.profiling.cli.options import AsJson, Data, Seed, data_for
from pathprint.profiling.cli.outputs import file_option
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.writing.places import check_file

if TYPE_CHECKING:
    from pathprint.profiling.arrays import Indices
    from pathprint.profiling.data.datasets import Dataset


def train(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Network to train: {', '.join(OWN)}.")],
    data: Data = None,
    out: Annotated[Path | None, file_option("File to write the weights to. Default: NAME.safetensors.")] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Number of passes over the training images. Default: what suits the network."),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train one of our own networks on your images.

    Only the training images of the data are used; the accuracy on the others is reported. The names of the folders
    become the names of the classes, and are stored with the weights.

    Example:
        pathprint train lenet5 --data mnist.npz --out lenet5.safetensors
    """
    if name not in OWN:
        raise UnknownNetworkError(f"{name!r} cannot be trained here; choose from {', '.join(OWN)}.")
    target = out or Path(f"{name}.safetensors")
    check_file(target)
    named = data_for(name, data)
    import torch

    from pathprint.models.zoo import catalogue, training
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.data.datasets import open_dataset
    from pathprint.profiling.data.roles import profile_images, unseen
    from pathprint.profiling.progress import track
    from pathprint.profiling.threads import settle_threads
    from pathprint.profiling.writing.whole import whole_file

    entry = catalogue.ZOO[name]
    settle_threads(entry.preprocessing)
    dataset = open_dataset(named)
    torch.manual_seed(seed)
    images = profile_images(dataset, seed)
    _check_classes(dataset, images)
    module = entry.build(len(dataset.classes))
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
        "data": Path(named).name,
        "seed": seed,
        "epochs": recipe.epochs,
        "held_out_accuracy": right,
    }
    with whole_file(target) as partial:
        training.save_weights(module, dataset.classes, facts, partial)
    say(f"{name}: {right:.2%} of {len(held_out)} held-out images are right; weights in {target}")
    if as_json:
        print_json({**facts, "weights": str(target), "images": len(images)})


def _check_classes(dataset: Dataset, images: Indices) -> None:
    """Say which classes the network will have; refuse classes that it could not learn to tell apart.

    Args:
        images: positions of the training images.
    """
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.data.classes import listed
    from pathprint.profiling.errors import DataError

    trained = set(dataset.labels[images].tolist())
    missing = [name for number, name in enumerate(dataset.classes) if number not in trained]
    if missing:
        raise DataError(f"{dataset.name}: no image to train on is left for the class {listed(missing)}; add some.")
    if len(dataset.classes) < 2:
        raise DataError(
            f"{dataset.name} has the class {listed(dataset.classes)} only; a network tells two or more apart."
        )
    say(f"{dataset.name}: {len(dataset.classes)} classes, in this order: {listed(dataset.classes)}.")
