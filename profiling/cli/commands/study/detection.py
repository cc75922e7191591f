"""``pathprint study detection``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.cli.options import Attacks, Theta, classifier_option
from pathprint.profiling.cli.outputs import AttackCache
from pathprint.profiling.cli.studies import studied
from pathprint.profiling.studies.defaults import DETECTION_IMAGES, DETECTION_LAYERS, DETECTION_THETAS, Varied

if TYPE_CHECKING:
    from pathprint.profiling.studies.detection import Detection
    from pathprint.profiling.studies.subject import Subject


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


@studied
def detection(
    subject: "Subject",
    vary: Annotated[
        Varied,
        typer.Option(
            help="What to vary: theta, the number of layers or of images per class, or the attack that is fitted on."
        ),
    ] = "theta",
    value: Annotated[
        list[float] | None,
        typer.Option(
            help=f"Value to measure; may be given several times. Default for theta: {_listed(DETECTION_THETAS)}; for "
            f"layers: {_listed(DETECTION_LAYERS)} as far as there are so many, and all; for images: "
            f"{_listed(DETECTION_IMAGES)} as far as --images-per-class allows."
        ),
    ] = None,
    theta: Theta = 0.5,
    attack: Attacks = None,
    classifier: Annotated[
        str, classifier_option("Classifier to fit; auto takes the better of logistic and additive.")
    ] = "logistic",
    images: Annotated[int, typer.Option(min=10, help="Largest number of clean test images.")] = 200,
    fit_images: Annotated[int, typer.Option(min=10, help="Largest number of images to attack and fit on.")] = 200,
    calibration_images: Annotated[
        int, typer.Option(min=10, help="Largest number of clean images that the threshold is calibrated on.")
    ] = 400,
    cache: AttackCache = None,
) -> "Detection":
    """How well attacks are found, by theta, layers, images or attack.

    For each value that is varied, a detector is profiled, fitted, calibrated and measured.

    Example:
        pathprint study detection --network digits-cnn --vary layers
    """
    from pathprint.profiling.attacks.registry import chosen
    from pathprint.profiling.jobs.fit_inputs import Sizes
    from pathprint.profiling.studies.detection import Effort, detection

    sizes = Sizes(fit_images, calibration_images)
    with _kept(cache) as folder:
        effort = Effort(chosen(subject.extractor.network, attack), classifier, images, sizes, folder)
        return detection(subject.at(theta=theta), vary, value or (), effort)


@contextmanager
def _kept(cache: Path | None) -> Iterator[Path]:
    """Yield the folder of attacked images: every point of the study needs the same ones."""
    if cache is not None:
        yield cache
        return
    with TemporaryDirectory() as folder:
        yield Path(folder)
