"""``pathprint study similarity``."""

from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.cli.options import Theta
from pathprint.profiling.cli.studies import studied

if TYPE_CHECKING:
    from pathprint.profiling.studies.similarity import Similarity
    from pathprint.profiling.studies.subject import Subject


@studied
def similarity(
    subject: "Subject",
    theta: Theta = 0.5,
    images: Annotated[
        int, typer.Option(min=1, help="Largest number of held-out images that are looked for in class paths.")
    ] = 200,
) -> "Similarity":
    """How alike the paths of two classes are.

    It also measures how much of an image's path the path of its own class contains.

    Example:
        pathprint study similarity --network digits-cnn
    """
    from pathprint.profiling.studies.similarity import similarity

    return similarity(subject.at(theta=theta), images)
