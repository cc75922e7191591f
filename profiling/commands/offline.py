"""``pathprint profile``, ``fit`` and ``evaluate``: from a network to a bundle and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.table import Table

from profiling import building
from profiling.attacks.registry import chosen
from profiling.bundle import load_bundle, save_bundle
from profiling.commands.options import (
    AsJson,
    Attacks,
    ClassMap,
    Data,
    Mean,
    NetworkName,
    Out,
    Resize,
    Seed,
    Size,
    Std,
    Weights,
    open_data,
    open_network,
    print_json,
    read_class_map,
    read_declared,
)
from profiling.detection.classifiers import FITTERS
from profiling.errors import OptionsError
from profiling.evaluation.evaluate import Evaluation
from profiling.evaluation.evaluate import evaluate as evaluate_detector
from profiling.paths.extraction import Extractor
from profiling.paths.policy import Policy, Reference
from profiling.profiles import Profile
from profiling.progress import console
from profiling.splits import profile_images, split, unseen
from profiling.threads import settle_threads


def profile(
    network: NetworkName,
    out: Out,
    weights: Weights = None,
    size: Size = None,
    resize: Resize = None,
    mean: Mean = None,
    std: Std = None,
    data: Data = "digits",
    class_map: ClassMap = None,
    theta: Annotated[float, typer.Option(help="Share of a unit's value to explain, above 0, at most 1.")] = 0.5,
    reference: Annotated[
        str, typer.Option(help=f"What theta is a share of: {', '.join(get_args(Reference))}.")
    ] = "sum",
    images_per_class: Annotated[
        int, typer.Option(min=1, help="Correctly predicted images per class.")
    ] = building.PROFILE_PER_CLASS,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Record the paths of training images and aggregate them into class signatures.

    Example: pathprint profile --network lenet5 --weights lenet5.safetensors --data mnist.npz --out lenet5-profile
    """
    if reference not in get_args(Reference):
        raise OptionsError(f"--reference is {reference!r}; allowed: {', '.join(get_args(Reference))}.")
    captured = open_network(network, weights, read_declared(size, resize, mean, std))
    folders = read_class_map(class_map)
    dataset = open_data(data, captured, folders)
    extractor = Extractor(captured, Policy(theta=theta, reference=reference))  # type: ignore[arg-type]  # checked above
    images = profile_images(dataset, seed)
    signatures = building.profile(extractor, dataset, images, images_per_class)
    keys = frozenset(dataset.keys[images].tolist())
    Profile(extractor, signatures, keys, data, seed, folders).save(out)
    console.print(f"signatures of {len(signatures.classes)} classes from {signatures.images.sum()} images in {out}")
    if as_json:
        print_json({"profile": str(out), "classes": len(signatures.classes), "images": int(signatures.images.sum())})


def fit(
    profile_folder: Annotated[Path, typer.Argument(metavar="PROFILE", help="A folder that `pathprint profile` wrote.")],
    out: Out,
    data: Annotated[str | None, typer.Option(help="Data to fit on. Default: what was profiled.")] = None,
    attack: Attacks = None,
    classifier: Annotated[str, typer.Option(help=f"auto, {', '.join(FITTERS)}.")] = "auto",
    target_fpr: Annotated[float, typer.Option(help="Largest share of clean images to flag.")] = 0.05,
    thorough: Annotated[bool, typer.Option(help="Also use stability: better, four times the cost.")] = False,
    fit_images: Annotated[int, typer.Option(min=10, help="Images to fit on, at most.")] = 400,
    calibration_images: Annotated[int, typer.Option(min=10, help="Clean images to calibrate on, at most.")] = 1000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fit and calibrate the detector on images that were not profiled; write a bundle.

    Example: pathprint fit lenet5-profile --out lenet5-bundle
    """
    made = Profile.load(profile_folder)
    network = made.extractor.network
    settle_threads(network.preprocessing)
    dataset = open_data(data or made.data, network, made.class_map)
    parts = split(dataset, made.keys, made.seed)
    sizes = building.Sizes(fit_images, calibration_images)
    options = building.FitOptions(classifier, target_fpr, thorough, seed)
    detector = building.fit_detector(made.extractor, made.signatures, parts, chosen(network, attack), options, sizes)
    save_bundle(detector, parts, dataset.pixels(parts.calibrate[:1], network.preprocessing)[0], out)
    low, high = detector.calibration.interval
    console.print(f"{detector.score.kind} detector, {low:.1%} to {high:.1%} of clean images flagged; bundle in {out}")
    if as_json:
        print_json({"bundle": str(out), "classifier": detector.score.kind, **detector.calibration.to_dict()})


def evaluate(
    bundle: Annotated[Path, typer.Argument(help="A bundle folder.")],
    data: Data = "digits",
    class_map: ClassMap = None,
    attack: Attacks = None,
    images: Annotated[int, typer.Option(min=10, help="Test images, at most.")] = 500,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Measure a bundle on images that none of its steps has seen, clean and attacked.

    Example: pathprint evaluate lenet5-bundle --data mnist.npz
    """
    loaded = load_bundle(bundle)
    network = loaded.detector.network
    settle_threads(network.preprocessing)
    dataset = open_data(data, network, read_class_map(class_map))
    test = unseen(dataset, frozenset().union(*loaded.used.values()))
    if dataset.held_out is not None:
        test = test[dataset.held_out[test]]
    if not len(test):
        raise OptionsError(f"every image of {data} was used to build {bundle}; evaluate on other images.")
    figures, _ = evaluate_detector(loaded.detector, dataset, test, chosen(network, attack), images, seed)
    console.print(figures_table(figures))
    if as_json:
        print_json(figures.to_dict())


def figures_table(figures: Evaluation) -> Table:
    """Return the figures as a table for people; ``softmax`` is the AUC of the network's own confidence."""
    table = Table(
        title=f"{figures.images} unseen images; network accuracy {figures.clean_accuracy:.1%}; "
        f"{figures.flagged_clean:.1%} of clean images flagged (at most {figures.target:.0%} promised)"
    )
    for column in ("attack", "success", "AUC", "95 % interval", "TPR@5%", "TPR@1%", "softmax"):
        table.add_column(column, justify="left" if column == "attack" else "right", no_wrap=True)
    for name, result in figures.attacks.items():
        low, high = result.auc_interval
        rates = (f"{result.tpr_at_5fpr:.2f}", f"{result.tpr_at_1fpr:.2f}", f"{result.softmax_auc:.3f}")
        table.add_row(name, f"{result.success:.0%}", f"{result.auc:.3f}", f"{low:.3f}-{high:.3f}", *rates)
    table.add_row("mean", "", f"{figures.mean_auc:.3f}", "", "", "", "")
    return table
