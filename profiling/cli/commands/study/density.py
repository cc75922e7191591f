"""``pathprint study density``."""

from typing import TYPE_CHECKING, Annotated

from pathprint.profiling.cli.options import Synapses, several_thetas
from pathprint.profiling.cli.studies import studied
from pathprint.profiling.studies.defaults import DENSITY_THETAS

if TYPE_CHECKING:
    from pathprint.profiling.studies.density import Density
    from pathprint.profiling.studies.subject import Subject


@studied
def density(
    subject: "Subject",
    theta: Annotated[list[float] | None, several_thetas(DENSITY_THETAS)] = None,
    synapses: Synapses = False,
) -> "Density":
    """How much of the network is in the path of an image, of a class, of all classes.

    Shares are given for each layer and theta.

    Example:
        pathprint study density --network digits-cnn
    """
    from pathprint.profiling.studies.density import density

    return density(subject, theta or DENSITY_THETAS, synapses)
