"""``pathprint study growth``."""

from typing import TYPE_CHECKING

from pathprint.profiling.cli.options import Theta
from pathprint.profiling.cli.studies import studied

if TYPE_CHECKING:
    from pathprint.profiling.studies.growth import Growth
    from pathprint.profiling.studies.subject import Subject


@studied
def growth(subject: "Subject", theta: Theta = 0.5) -> "Growth":
    """How the path of a class grows as images are added.

    It also measures how the path of the whole network grows as classes are added.

    Example:
        pathprint study growth --network digits-cnn
    """
    from pathprint.profiling.studies.growth import growth

    return growth(subject.at(theta=theta))
