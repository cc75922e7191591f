"""``pathprint sanity``: do the paths of a network carry its answers?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.cli.class_names import ClassNames, named
from pathprint.profiling.cli.options import (
    AsJson,
    ClassMap,
    Data,
    NetworkName,
    ReferenceName,
    Seed,
    UnexplainedName,
    Weights,
    data_for,
    read_class_map,
    several_thetas,
)
from pathprint.profiling.cli.outputs import folder_option
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.studies.defaults import SANITY, SANITY_THETAS

if TYPE_CHECKING:
    from pathprint.profiling.studies.sanity import Sanity


def sanity(
    network: NetworkName,
    out: Annotated[Path, folder_option("Folder to write sanity.json and sanity.svg to.", SANITY)],
    weights: Weights = None,
    data: Data = None,
    class_map: ClassMap = None,
    class_names: ClassNames = None,
    theta: Annotated[list[float] | None, several_thetas(SANITY_THETAS)] = None,
    reference: ReferenceName = "sum",
    unexplained: UnexplainedName = "none",
    images: Annotated[
        int, typer.Option(min=1, help="Largest number of images, of those that are not for training.")
    ] = 200,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Check that paths matter: predict without them, and with nothing else.

    The synapses of each image's path are removed, or all others are; predictions are compared with those where random
    sets of as many synapses are removed or kept.

    Example:
        pathprint sanity --network digits-cnn --out sanity
    """
    source = data_for(network, data)
    import numpy as np

    from pathprint.profiling.cli import tables
    from pathprint.profiling.cli.inputs import open_network
    from pathprint.profiling.cli.terminal import show
    from pathprint.profiling.data.datasets import matched_data
    from pathprint.profiling.data.roles import profile_images, unseen
    from pathprint.profiling.paths.extraction import Extractor
    from pathprint.profiling.paths.policy import Policy
    from pathprint.profiling.studies.sanity import sanity as measure_sanity
    from pathprint.profiling.writing.whole import whole_folder

    captured = named(open_network(network, weights), class_names)
    extractor = Extractor(captured, Policy(reference=reference, unexplained=unexplained))
    dataset = matched_data(source, extractor.network.labels, read_class_map(class_map))
    test = unseen(dataset, frozenset(dataset.keys[profile_images(dataset, seed)].tolist()))
    test = np.random.default_rng(seed).permutation(test)[:images]  # folders hold one class after the other
    if not len(test):
        raise OptionsError(f"{named} has no images beside those for training; give data with a test part.")
    pixels = dataset.pixels(test, extractor.network.preprocessing)
    found = measure_sanity(extractor, pixels, dataset.labels[test], sorted(theta or SANITY_THETAS), seed)
    with whole_folder(out, SANITY) as partial:
        (partial / "sanity.json").write_text(json.dumps(found.to_dict(), indent=1) + "\n")
        (partial / "sanity.svg").write_text(picture(found))
    show(tables.sanity(found))
    if as_json:
        print_json({"out": str(out), **found.to_dict()})


def picture(found: Sanity) -> str:
    """Return the curves as SVG."""
    from pathprint.profiling.studies.curves import svg

    titles = {"Synapses removed": "removed", "No others kept": "kept"}
    panels = {
        title: {name: [point.unchanged[f"{name} {done}"] for point in found.points] for name in ("path", "random")}
        for title, done in titles.items()
    }
    return svg([point.theta for point in found.points], "theta", "unchanged answers", panels)
