"""``pathprint study NAME``: the papers' own studies, each a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter, signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

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
from pathprint.profiling.detection.classifiers import KINDS
from pathprint.profiling.evaluation.figures import finite
from pathprint.profiling.jobs import fit as fitting
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.progress import console
from pathprint.profiling.studies.blocks import Blocks
from pathprint.profiling.studies.blocks import blocks as study_blocks
from pathprint.profiling.studies.density import THETAS, Density
from pathprint.profiling.studies.density import density as study_density
from pathprint.profiling.studies.detection import VARYING, Detection, Effort
from pathprint.profiling.studies.detection import detection as study_detection
from pathprint.profiling.studies.findings import Findings, Sheet
from pathprint.profiling.studies.growth import Growth
from pathprint.profiling.studies.growth import growth as study_growth
from pathprint.profiling.studies.page import page
from pathprint.profiling.studies.similarity import Similarity
from pathprint.profiling.studies.similarity import similarity as study_similarity
from pathprint.profiling.studies.subject import Subject

Study = TypeVar("Study", bound=Callable[..., Findings])

application = typer.Typer(
    help="The papers' own studies of paths. Example: pathprint study density --network digits-cnn",
    no_args_is_help=True,
)


def _subject(
    network: NetworkName,
    weights: Weights = None,
    size: Size = None,
    resize: Resize = None,
    mean: Mean = None,
    std: Std = None,
    data: Data = "digits",
    class_map: ClassMap = None,
    reference: ReferenceName = "sum",
    unexplained: UnexplainedName = "none",
    layers: Layers = None,
    images_per_class: Annotated[int, typer.Option(min=1, help="Correctly predicted profile images per class.")] = 100,
    seed: Seed = 0,
) -> Subject:
    captured = open_network(network, weights, read_declared(size, resize, mean, std))
    policy = Policy(reference=reference, unexplained=unexplained, layers=layers)  # type: ignore[arg-type]  # checked there
    dataset = open_data(data, captured, read_class_map(class_map))
    return Subject(Extractor(captured, policy), dataset, images_per_class, seed)


def _show(
    found: Findings,
    out: Annotated[Path | None, typer.Option(help="Also write an HTML page.", dir_okay=False, writable=True)] = None,
    as_json: AsJson = False,
) -> None:
    console.print(found.title, style="bold")
    for sheet in found.sheets():
        console.print(_table(sheet))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page(found), encoding="utf-8")
        console.print(f"the page is in {out}")
    if as_json:
        print_json(finite(found.to_dict()))


def _table(sheet: Sheet) -> Table:
    table = tables.empty_table(sheet.caption, sheet.columns)
    for row in sheet.rows:
        table.add_row(*row)
    return table


def _studied(study: Study) -> Study:
    """Make a command of a study: with the options of what is studied, its own, and those of what is shown."""
    groups = [list(signature(part, eval_str=True).parameters.values()) for part in (_subject, study, _show)]
    subject, own, shown = groups[0], groups[1][1:], groups[2][1:]

    def command(**given: Any) -> None:
        made = _subject(**{option.name: given[option.name] for option in subject})
        found = study(made, **{option.name: given[option.name] for option in own})
        _show(found, **{option.name: given[option.name] for option in shown})

    options = [option.replace(kind=Parameter.KEYWORD_ONLY) for option in (*subject, *own, *shown)]
    command.__signature__ = signature(study).replace(parameters=options, return_annotation=None)  # type: ignore[attr-defined]
    application.command(study.__name__, help=study.__doc__)(command)
    return study


@_studied
def density(
    subject: Subject,
    theta: Annotated[
        list[float] | None, typer.Option(help=f"Repeatable. Default: {', '.join(map(str, THETAS))}.")
    ] = None,
    synapses: Synapses = False,
) -> Density:
    """How much of the network is in the path of an image, of a class, of all classes, by layer and theta.

    Example: pathprint study density --network digits-cnn
    """
    return study_density(subject, theta or THETAS, synapses)


@_studied
def similarity(
    subject: Subject,
    theta: Theta = 0.5,
    images: Annotated[int, typer.Option(min=1, help="Held-out images to find in class paths, at most.")] = 200,
) -> Similarity:
    """How alike the paths of two classes are, and how much of an image's path its own class contains.

    Example: pathprint study similarity --network digits-cnn
    """
    return study_similarity(subject.at(theta=theta), images)


@_studied
def growth(subject: Subject, theta: Theta = 0.5) -> Growth:
    """How the path of a class grows as images are added, and that of the network as classes are.

    Example: pathprint study growth --network digits-cnn
    """
    return study_growth(subject.at(theta=theta))


@_studied
def detection(
    subject: Subject,
    vary: Annotated[str, typer.Option(help=f"What to vary: {', '.join(VARYING)}, or the attack fitted on.")] = "theta",
    value: Annotated[list[float] | None, typer.Option(help="Repeatable. Default: some usual ones.")] = None,
    theta: Theta = 0.5,
    attack: Attacks = None,
    classifier: Annotated[str, typer.Option(help=f"{', '.join(KINDS)}.")] = "logistic",
    images: Annotated[int, typer.Option(min=10, help="Clean test images, at most.")] = 200,
    fit_images: Annotated[int, typer.Option(min=10, help="Images to fit on, at most.")] = 200,
    calibration_images: Annotated[int, typer.Option(min=10, help="Clean images to calibrate on, at most.")] = 400,
    cache: AttackCache = None,
) -> Detection:
    """How well attacks are found, by theta, layers, images per class, or the attack that was seen in fitting.

    Example: pathprint study detection --network digits-cnn --vary layers
    """
    sizes = fitting.Sizes(fit_images, calibration_images)
    with _kept(cache) as folder:
        effort = Effort(chosen(subject.extractor.network, attack), classifier, images, sizes, folder)
        return study_detection(subject.at(theta=theta), vary, value or (), effort)


@_studied
def blocks(
    subject: Subject,
    theta: Theta = 0.5,
    images: Annotated[int, typer.Option(min=1, help="Images whose paths are walked, at most.")] = 50,
    routes: Annotated[int, typer.Option(min=1, help="Random routes along each path.")] = 32,
    judged: Annotated[int, typer.Option(min=1, help="Images that accuracies are taken of, at most.")] = 500,
) -> Blocks:
    """Which way paths take through residual blocks, and the accuracy without each.

    Example: pathprint study blocks --network cifar-resnet20 --data cifar10.zip
    """
    return study_blocks(subject.at(theta=theta), images, routes, judged)


@contextmanager
def _kept(cache: Path | None) -> Iterator[Path]:
    """Yield the folder of attacked images: every point of the study needs the same ones."""
    if cache is not None:
        yield cache
        return
    with TemporaryDirectory() as folder:
        yield Path(folder)
