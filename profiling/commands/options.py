"""Options that several commands share, and how results are printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from models import zoo
from models.network import Network
from profiling.datasets import Dataset, open_dataset
from profiling.errors import DataError
from profiling.paths.policy import Reference, Unexplained
from profiling.threads import settle_threads

NetworkName = Annotated[
    str, typer.Option("--network", help="A name from `pathprint networks`, or package.module:factory.")
]
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


def open_network(name: str, weights: Path | None) -> Network:
    """Return a captured network, with torch's threads settled for its size."""
    network = zoo.build(name, weights)
    settle_threads(network.preprocessing)
    return network


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
