"""How much of a unit's value has to be explained: the options of an extraction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from profiling.errors import OptionsError

Reference = Literal["sum", "output", "positive"]
Unexplained = Literal["none", "argmax"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Cumulative selection, backward: "BwCu" (Qiu et al. 2019, eq. 1).

    Attributes:
        theta: share of the reference total that the chosen contributions must reach, in (0, 1].
        reference: the total. ``sum``: of all contributions, without bias (what the authors' code
            does); ``output``: with bias (their eq. 1); ``positive``: of the positive ones.
        unexplained: what is chosen for a unit whose total is not positive: ``none`` (ours), or the
            largest positive contribution (``argmax``; the authors' code does so, and takes the
            largest one even if it is not positive). The unit is counted as unexplained either way.
    """

    theta: float = 0.5
    reference: Reference = "sum"
    unexplained: Unexplained = "none"

    def __post_init__(self) -> None:
        if not 0 < self.theta <= 1:
            raise OptionsError(f"theta is {self.theta}; it must be above 0 and at most 1.")
        if self.reference not in get_args(Reference):
            raise OptionsError(f"reference is {self.reference!r}; allowed: {', '.join(get_args(Reference))}.")
        if self.unexplained not in get_args(Unexplained):
            raise OptionsError(f"unexplained is {self.unexplained!r}; allowed: {', '.join(get_args(Unexplained))}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the options as JSON-able data."""
        return asdict(self)
