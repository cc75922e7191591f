"""Networks, data and images as the options name them. Imports the engine: commands do so once a call is right."""

from __future__ import annotations

from pathlib import Path

from pathprint.models.network import Network
from pathprint.models.zoo import catalogue
from pathprint.models.zoo.declared import Declared
from pathprint.profiling.cli.options import numbers, sides
from pathprint.profiling.threads import settle_threads


def open_network(name: str, weights: Path | None, declared: Declared | None = None) -> Network:
    """Return a captured network, with torch's threads settled for its size."""
    network = catalogue.build(name, weights, declared)
    settle_threads(network.preprocessing)
    return network


def read_declared(
    size: str | None, resize: int | None, mean: str | None, std: str | None, stretch: bool | None
) -> Declared:
    """Return what the options of preprocessing say, as numbers; they have been checked."""
    return Declared(sides(size), resize, numbers(mean), numbers(std), stretch)
