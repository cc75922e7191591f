"""``pathprint sanity``: do the paths of a network carry its answers?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from pathprint.profiling.cli.options import (
    AsJson,
    ClassMap,
    Data,
    NetworkName,
    ReferenceName,
    Seed,
    UnexplainedName,
    Weights,
    open_data,
    open_network,
    print_json,
    read_class_map,
)
from pathprint.profiling.data.roles import profile_images, unseen
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.progress import console
from pathprint.profiling.studies.curves import svg
from pathprint.profiling.studies.sanity import RUNS, THETAS, Sanity
from pathprint.profiling.studies.sanity import sanity as measure_sanity


def sanity(
    network: NetworkName,
    out: Annotated[Path, typer.Option(help="Folder for sanity.json and sanity.svg.")],
    weights: Weights = None,
    data: Data = "digits",
    class_map: ClassMap = None,
    theta: Annotated[list[float] | None, typer.Option(help="Repeatable. Default: 0.1 to 1 in tenths.")] = None,
    reference: ReferenceName = "sum",
    unexplained: UnexplainedName = "none",
    images: Annotated[int, typer.Option(min=1, help="Images that the network was not trained on, at most.")] = 200,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure the answers without a path's synapses, and with nothing else, against random sets.

    Example: pathprint sanity --network digits-cnn --out sanity
    """
    extractor = Extractor(open_network(network, weights), Policy(reference=reference, unexplained=unexplained))  # type: ignore[arg-type]  # checked there
    dataset = open_data(data, extractor.network, read_class_map(class_map))
    test = unseen(dataset, frozenset(dataset.keys[profile_images(dataset, seed)].tolist()))
    test = np.random.default_rng(seed).permutation(test)[:images]  # folders hold one class after the other
    if not len(test):
        raise OptionsError(f"{data} has no images beside those for training; give data with a test part.")
    pixels = dataset.pixels(test, extractor.network.preprocessing)
    found = measure_sanity(extractor, pixels, dataset.labels[test], sorted(theta or THETAS), seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "sanity.json").write_text(json.dumps(found.to_dict(), indent=1) + "\n")
    (out / "sanity.svg").write_text(picture(found))
    console.print(table(found))
    if as_json:
        print_json({"out": str(out), **found.to_dict()})


def table(found: Sanity) -> Table:
    """Return the curves as a table for people."""
    title = f"Unchanged answers of {found.images} images; accuracy of the whole network {found.accuracy:.1%}"
    shown = Table("theta", "synapses", *RUNS, title=title)
    for point in found.points:
        shown.add_row(f"{point.theta:g}", f"{point.share:.2%}", *(f"{point.unchanged[run]:.1%}" for run in RUNS))
    return shown


def picture(found: Sanity) -> str:
    """Return the curves as SVG."""
    titles = {"Synapses removed": "removed", "No others kept": "kept"}
    panels = {
        title: {name: [point.unchanged[f"{name} {done}"] for point in found.points] for name in ("path", "random")}
        for title, done in titles.items()
    }
    return svg([point.theta for point in found.points], "theta", "unchanged answers", panels)
