"""``pathprint profile``, ``fit`` and ``evaluate``: from a network to a bundle and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pathprint.profiling.jobs.profile_folder import Profile

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.cli import tables
from pathprint.profiling.cli.options import (
    AsJson,
    AttackCache,
    Attacks,
    ClassMap,
    Data,
    Layers,
    Mean,
    NetworkName,
    Out,
    ReferenceName,
    Resize,
    Seed,
    Size,
    Std,
    Synapses,
    Theta,
    UnexplainedName,
    Weights,
    open_data,
    open_network,
    print_json,
    read_class_map,
    read_declared,
)
from pathprint.profiling.data.roles import profile_images, split, split_again
from pathprint.profiling.detection.bundle import load_bundle, save_bundle
from pathprint.profiling.detection.classifiers import KINDS
from pathprint.profiling.detection.scores import ONE_CLASS
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.evaluation import protocol
from pathprint.profiling.evaluation.options import recorded
from pathprint.profiling.evaluation.report.page import write_page
from pathprint.profiling.jobs import fit as fitting
from pathprint.profiling.jobs import profile as building
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.progress import console
from pathprint.profiling.threads import settle_threads

SYNAPSES = "synapses.safetensors"
"""What `profile --synapses` adds to a profile's folder."""


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
    theta: Theta = 0.5,
    reference: ReferenceName = "sum",
    unexplained: UnexplainedName = "none",
    layers: Layers = None,
    selection: Annotated[
        str, typer.Option(help=f"How layers choose: {', '.join(building.SELECTIONS)} (the first half absolutely).")
    ] = "cumulative",
    forward: Annotated[bool, typer.Option(help="Take every layer on its own, from its largest outputs.")] = False,
    synapses: Synapses = False,
    images_per_class: Annotated[
        int, typer.Option(min=1, help="Correctly predicted images per class.")
    ] = building.PROFILE_PER_CLASS,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Record the paths of training images and aggregate them into class signatures.

    Example: pathprint profile --network lenet5 --weights lenet5.safetensors --data mnist.npz --out lenet5-profile
    """
    policy = Policy(theta, reference, unexplained, layers)  # type: ignore[arg-type]  # checked there
    captured = open_network(network, weights, read_declared(size, resize, mean, std))
    folders = read_class_map(class_map)
    dataset = open_data(data, captured, folders)
    images = profile_images(dataset, seed)
    extractor = building.variant(Extractor(captured, policy), dataset, images, selection, forward)
    keys = frozenset(dataset.keys[images].tolist())
    if synapses:
        signatures, listed = building.profile_with_synapses(extractor, dataset, images, images_per_class)
    else:
        signatures, listed = building.profile(extractor, dataset, images, images_per_class), None
    Profile(extractor, signatures, keys, data, seed, folders).save(out)
    if listed is not None:
        listed.save(out / SYNAPSES)
    missing = len(captured.labels) - len(signatures.classes)
    if missing:
        console.print(f"{missing} classes have no signature: the verdict on an answer with one of them is 'uncertain'.")
    console.print(f"signatures of {len(signatures.classes)} classes from {signatures.images.sum()} images in {out}")
    if as_json:
        print_json({"profile": str(out), "classes": len(signatures.classes), "images": int(signatures.images.sum())})


def fit(
    profile_folder: Annotated[Path, typer.Argument(metavar="PROFILE", help="A folder that `pathprint profile` wrote.")],
    out: Out,
    data: Annotated[str | None, typer.Option(help="Data to fit on. Default: what was profiled.")] = None,
    attack: Attacks = None,
    classifier: Annotated[str, typer.Option(help=f"{', '.join(KINDS)}; the last needs no attacks.")] = "auto",
    target_fpr: Annotated[float, typer.Option(help="Largest share of clean images to flag.")] = 0.05,
    thorough: Annotated[
        bool, typer.Option(help="Also use eight views of the image: much better, about five times the cost.")
    ] = False,
    fit_images: Annotated[int, typer.Option(min=10, help="Images to fit on, at most.")] = 400,
    calibration_images: Annotated[int, typer.Option(min=10, help="Clean images to calibrate on, at most.")] = 1000,
    cache: AttackCache = None,
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
    sizes = fitting.Sizes(fit_images, calibration_images)
    options = fitting.FitOptions(classifier, target_fpr, thorough, seed, cache)
    attacks = _learnt(network, attack, classifier)
    detector = fitting.fit_detector(made.extractor, made.signatures, parts, attacks, options, sizes)
    save_bundle(detector, parts, dataset.pixels(parts.calibrate.positions[:1], network.preprocessing)[0], out)
    low, high = detector.calibration.interval
    console.print(f"{detector.score.kind} detector, {low:.1%} to {high:.1%} of clean images flagged; bundle in {out}")
    if as_json:
        print_json({"bundle": str(out), "classifier": detector.score.kind, **detector.calibration.to_dict()})


def _learnt(network: Network, names: list[str] | None, classifier: str) -> list[Attack]:
    if classifier != ONE_CLASS:
        return chosen(network, names)
    if names:
        raise OptionsError(f"--classifier {ONE_CLASS} learns from no attack; leave --attack out.")
    return []


def evaluate(
    bundle: Annotated[Path, typer.Argument(help="A bundle folder.")],
    data: Data = "digits",
    class_map: ClassMap = None,
    attack: Attacks = None,
    images: Annotated[int, typer.Option(min=10, help="Test images, at most.")] = 500,
    full: Annotated[
        bool, typer.Option("--full", help="All attacks, controls, baselines, unseen attacks. Slow: use --cache.")
    ] = False,
    paper_protocol: Annotated[
        bool, typer.Option("--paper-protocol", help="Also the papers' leaky split, to compare with published figures.")
    ] = False,
    adaptive: Annotated[
        int,
        typer.Option(
            min=0, help="Images for an attacker who knows the detector. Slow: about 500 walks each and budget."
        ),
    ] = 0,
    cache: AttackCache = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write the figures as one HTML page.", dir_okay=False, writable=True)
    ] = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Measure a bundle on images that none of its steps has seen, clean and attacked.

    Example: pathprint evaluate lenet5-bundle --data mnist.npz --full --cache attacked --report lenet5.html
    """
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)  # hours of work should not end at a missing folder
    loaded = load_bundle(bundle)
    network = loaded.detector.network
    settle_threads(network.preprocessing)
    parts = split_again(open_data(data, network, read_class_map(class_map)), loaded.used)
    crafting = Crafting(seed, cache)
    options = protocol.Options(images, crafting=crafting, full=full, paper=paper_protocol, adaptive=adaptive)
    attacks = chosen(network, attack, "full" if full else "default")
    made = protocol.evaluate(loaded.detector, parts, attacks, options).report
    made = recorded(made, loaded.sha256)
    console.print(tables.figures(made))
    if report is not None:
        write_page(made, report)
        console.print(f"the report is in {report}")
    if as_json:
        print_json(made.to_dict())
