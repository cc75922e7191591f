"""``pathprint study blocks``."""

from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.cli.options import Theta
from pathprint.profiling.cli.studies import studied

if TYPE_CHECKING:
    from pathprint.profiling.studies.blocks import Blocks
    from pathprint.profiling.studies.subject import Subject


@studied
def blocks(
    subject: "Subject",
    theta: Theta = 0.5,
    images: Annotated[int, typer.Option(min=1, help="Largest number of images whose paths are extracted.")] = 50,
    routes: Annotated[int, typer.Option(min=1, help="Number of random routes that are drawn along each path.")] = 32,
    judged: Annotated[int, typer.Option(min=1, help="Largest number of images to measure accuracies on.")] = 500,
) -> "Blocks":
    """Which way paths take through residual blocks.

    It also measures the accuracy of the network without each of its blocks.

    Example:
        pathprint study blocks --network cifar-resnet20 --data cifar10.zip
    """
    from pathprint.profiling.studies.blocks import blocks

    return blocks(subject.at(theta=theta), images, routes, judged)
