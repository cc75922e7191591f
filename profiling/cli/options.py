"""Options that several commands share, and how results are printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from pathprint.models.network import Network
from pathprint.models.zoo import catalogue as zoo
from pathprint.models.zoo.declared import Declared
from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.errors import DataError, OptionsError
from pathprint.profiling.paths.policy import Reference, Unexplained
from pathprint.profiling.threads import settle_threads

NetworkName = Annotated[
    str, typer.Option("--network", help="A name from `pathprint networks`, package.module:factory, or FILE.pt2.")
]
Mean = Annotated[str | None, typer.Option(help="Mean of pixels in [0, 1] per channel: 0.5,0.5,0.5, or 0.5 for grey.")]
Std = Annotated[str | None, typer.Option(help="Standard deviation likewise.")]
Size = Annotated[str | None, typer.Option(help="Height and width of the input: 224, or 224x192.")]
Resize = Annotated[int | None, typer.Option(min=1, help="Scale the shorter side to this, then cut out the centre.")]
Weights = Annotated[Path | None, typer.Option(help="State dict: .safetensors, .pt or .pth.")]
Data = Annotated[str, typer.Option(help="digits, a folder, FILE.zip[:FOLDER] or FILE.npz.")]
Out = Annotated[Path, typer.Option(help="Where to write.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON line on standard output.")]
Attacks = Annotated[
    list[str] | None,
    typer.Option("--attack", help="Attack to use, see `pathprint attacks`; repeatable. Default: a whole suite."),
]
AttackCache = Annotated[
    Path | None, typer.Option("--cache", help="Folder that keeps attacked images, to go on after an interruption.")
]
ClassMap = Annotated[
    Path | None, typer.Option(help='JSON file {"folder": class number}, where folder names are no labels.')
]

Theta = Annotated[float, typer.Option(help="Share of a unit's value to explain, above 0, at most 1.")]
ReferenceName = Annotated[
    str, typer.Option("--reference", help=f"What theta is a share of: {', '.join(get_args(Reference))}.")
]
UnexplainedName = Annotated[
    str,
    typer.Option(
        "--unexplained", help=f"What a unit without an explanation chooses: {', '.join(get_args(Unexplained))}."
    ),
]
Layers = Annotated[int | None, typer.Option(help="Only the last so many weighted layers. Default: all.")]
Synapses = Annotated[bool, typer.Option(help="Record the chosen synapses too; slower.")]


def open_network(name: str, weights: Path | None, declared: Declared | None = None) -> Network:
    """Return a captured network, with torch's threads settled for its size."""
    network = zoo.build(name, weights, declared)
    settle_threads(network.preprocessing)
    return network


def read_declared(size: str | None, resize: int | None, mean: str | None, std: str | None) -> Declared:
    """Return the preprocessing options as numbers.

    Raises:
        OptionsError: one is no number, or no list of numbers.
    """
    try:
        sides = None if size is None else tuple(int(side) for side in size.split("x"))
        numbers = [None if text is None else tuple(float(part) for part in text.split(",")) for text in (mean, std)]
    except ValueError as error:
        raise OptionsError(
            f"--size {size}, --mean {mean} and --std {std} cannot be read ({error}); "
            "write --size 224 or 224x192, --mean 0.5,0.5,0.5 --std 0.25,0.25,0.25."
        ) from error
    if sides is not None and len(sides) not in (1, 2):
        raise OptionsError(f"--size is {size}; write 224, or 224x192 for height and width.")
    return Declared(None if sides is None else (sides[0], sides[-1]), resize, *numbers)


def read_class_map(path: Path | None) -> dict[str, int] | None:
    """Return the class map in a JSON file.

    Raises:
        DataError: it is not a JSON object of integers.
    """
    if path is None:
        return None
    try:
        data = json.loads(path.read_bytes())
        return {str(folder): int(number) for folder, number in data.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f'{path} is not a class map; JSON like {{"folder": 3}} is expected: {error}') from error


def open_data(spec: str, network: Network, class_map: dict[str, int] | None) -> Dataset:
    """Return a data set whose labels are the network's class numbers."""
    return open_dataset(spec).matched_to(network.labels, class_map)


def print_json(result: dict[str, Any]) -> None:
    """Print one JSON line on standard output."""
    typer.echo(json.dumps(result))
