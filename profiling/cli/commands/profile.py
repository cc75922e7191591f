"""``pathprint profile``: from a network and images to signatures of its classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.class_names import ClassNames, named
from pathprint.profiling.cli.job_options import (
    Address,
    EngineChoice,
    Gpu,
    MaxBadFraction,
    Restart,
    WorkerNumber,
    job_for,
)
from pathprint.profiling.cli.options import (
    AnyAccuracy,
    AsJson,
    ClassMap,
    Data,
    Layers,
    Mean,
    NetworkName,
    ReferenceName,
    Resize,
    Seed,
    Size,
    Std,
    Stretch,
    Synapses,
    Theta,
    UnexplainedName,
    Weights,
    data_for,
    read_class_map,
)
from pathprint.profiling.cli.outputs import folder_option
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.jobs.defaults import PROFILE, PROFILE_PER_CLASS, Selecting
from pathprint.profiling.jobs.places import discard, run_folder


def profile(
    network: NetworkName,
    out: Annotated[Path, folder_option("Folder to write the profile to; an older profile is replaced.", PROFILE)],
    weights: Weights = None,
    size: Size = None,
    resize: Resize = None,
    mean: Mean = None,
    std: Std = None,
    stretch: Stretch = None,
    data: Data = None,
    class_map: ClassMap = None,
    class_names: ClassNames = None,
    theta: Theta = 0.5,
    reference: ReferenceName = "sum",
    unexplained: UnexplainedName = "none",
    layers: Layers = None,
    selection: Annotated[
        Selecting,
        typer.Option(
            help="How a layer chooses among inputs: the largest ones up to a share of the sum (cumulative), all above "
            "a threshold (absolute), or by a threshold in the first half of the layers only (hybrid)."
        ),
    ] = "cumulative",
    forward: Annotated[
        bool,
        typer.Option(help="Take the largest outputs of every layer, instead of walking back from the answer."),
    ] = False,
    synapses: Synapses = False,
    images_per_class: Annotated[
        int, typer.Option(min=1, help="Largest number of correctly predicted images to profile of each class.")
    ] = PROFILE_PER_CLASS,
    predicted: Annotated[
        bool,
        typer.Option(
            help="Take the network's own answers for the classes of the images, whatever their folders are called."
        ),
    ] = False,
    any_accuracy: AnyAccuracy = False,
    max_bad_fraction: MaxBadFraction = 0.01,
    workers: WorkerNumber = None,
    engine: EngineChoice = "local",
    address: Address = None,
    gpu: Gpu = False,
    restart: Restart = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Record which paths images of each class take through a network.

    The paths of training images are counted into one signature per class. `pathprint fit` goes on from there.

    An interrupted job keeps what it has done in OUT.run, and the same command goes on with it.

    Example:
        pathprint profile --network lenet5 --weights lenet5.safetensors --data mnist.npz --out lenet5-profile
    """
    images = data_for(network, data)
    import pathprint
    from pathprint.profiling.cli.inputs import open_network, read_declared
    from pathprint.profiling.cli.terminal import say

    job = job_for(run_folder(out), workers, engine, address, gpu, restart, max_bad_fraction)
    policy = pathprint.Policy(theta, reference, unexplained, layers)
    captured = named(open_network(network, weights, read_declared(size, resize, mean, std, stretch)), class_names)
    made = pathprint.profile(
        captured,
        images,
        policy=policy,
        selection=selection,
        forward=forward,
        synapses=synapses,
        images_per_class=images_per_class,
        class_map=read_class_map(class_map),
        seed=seed,
        predicted=predicted,
        any_accuracy=any_accuracy,
        job=job,
    )
    made.save(out)
    discard(run_folder(out))
    signatures = made.signatures
    missing = len(captured.labels) - len(signatures.classes)
    if missing:
        say(f"{missing} classes have no signature: the verdict on an answer with one of them is 'uncertain'.")
    say(f"signatures of {len(signatures.classes)} classes from {signatures.images.sum()} images in {out}")
    if as_json:
        counted = {"classes": len(signatures.classes), "images": int(signatures.images.sum())}
        print_json({"profile": str(out), **counted, "accuracy": made.accuracy})
