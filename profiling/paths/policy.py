"""What a path is: how far it goes, in which direction, and how each layer chooses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal, get_args

from pathprint.profiling.errors import OptionsError

Reference = Literal["sum", "output", "positive"]
Unexplained = Literal["none", "argmax"]
Thresholds = Mapping[str, float]
"""Numbers by the name of a weighted layer."""


@dataclass(frozen=True, slots=True)
class Selection:
    """How one step chooses among the contributions to a wanted unit.

    Attributes:
        theta: cumulative selection: the share of the reference total to be reached, in (0, 1].
        reference, unexplained: see ``Policy``.
        phi: absolute selection instead: every contribution of at least phi is chosen.
        synapses: whether chosen synapses are listed; if not, they are only counted.
    """

    theta: float = 0.5
    reference: Reference = "sum"
    unexplained: Unexplained = "none"
    phi: float | None = None
    synapses: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The options of an extraction. The defaults make the paths "BwCu" (Qiu et al. 2019, eq. 1).

    Attributes:
        theta: share of the reference total that the chosen contributions must reach, in (0, 1].
        reference: the total. ``sum``: of all contributions, without bias (what the authors' code
            does); ``output``: with bias (their eq. 1); ``positive``: of the positive ones.
        unexplained: what is chosen for an unexplained unit, which is one whose total is not positive
            or, in a layer with a phi, without a contribution of at least phi. ``none``: nothing
            (our choice). ``argmax``: its largest positive contribution (the authors' code takes the
            largest one even if it is not positive).
        layers: how many weighted layers the path covers, counted from the output; the walk ends
            there. None: all.
        synapses: list the chosen synapses too.
        layer_theta: the theta of each layer that has one of its own.
        phi: the threshold of each layer that chooses absolutely, above 0 ("BwAb" if all layers do,
            else a hybrid).
        firing: the output threshold of each layer, above 0. If given, no walk is made, and a layer's
            neurons are its outputs of at least this ("FwAb").

    Raises:
        OptionsError: an option is out of its range.
    """

    theta: float = 0.5
    reference: Reference = "sum"
    unexplained: Unexplained = "none"
    layers: int | None = None
    synapses: bool = False
    layer_theta: Thresholds = field(default_factory=dict)
    phi: Thresholds = field(default_factory=dict)
    firing: Thresholds = field(default_factory=dict)

    def __post_init__(self) -> None:
        for where, theta in {"theta": self.theta, **_at("layer_theta", self.layer_theta)}.items():
            if not 0 < theta <= 1:
                raise OptionsError(f"{where} is {theta}; it must be above 0 and at most 1.")
        for where, threshold in {**_at("phi", self.phi), **_at("firing", self.firing)}.items():
            if not (threshold > 0 and isfinite(threshold)):
                raise OptionsError(f"{where} is {threshold}; it must be above 0 and finite.")
        if self.reference not in get_args(Reference):
            raise OptionsError(f"reference is {self.reference!r}; allowed: {', '.join(get_args(Reference))}.")
        if self.unexplained not in get_args(Unexplained):
            raise OptionsError(f"unexplained is {self.unexplained!r}; allowed: {', '.join(get_args(Unexplained))}.")
        if self.layers is not None and self.layers < 1:
            raise OptionsError(f"layers is {self.layers}; it must be at least 1.")

    @property
    def is_forward(self) -> bool:
        """Whether every layer is taken on its own, from its outputs over a threshold."""
        return bool(self.firing)

    @property
    def between(self) -> Selection:
        """How sums, averages and attention choose: always by ``theta``, as they record nothing of their own."""
        return Selection(self.theta, self.reference, self.unexplained)

    def at(self, layer: str) -> Selection:
        """Return how the weighted layer called ``layer`` chooses."""
        theta = self.layer_theta.get(layer, self.theta)
        return Selection(theta, self.reference, self.unexplained, self.phi.get(layer), self.synapses)

    def check_layers(self, names: Collection[str], covered: Collection[str]) -> None:
        """Check the policy against a network with weighted layers ``names``, of which a path covers some.

        Raises:
            OptionsError: it names a layer that is not there, or a forward path lacks a threshold.
        """
        strange = sorted({*self.layer_theta, *self.phi, *self.firing}.difference(names))
        if strange:
            raise OptionsError(f"the policy names {', '.join(strange)}; layers of the network: {', '.join(names)}.")
        missing = [name for name in covered if self.is_forward and name not in self.firing]
        if missing:
            raise OptionsError(f"firing has no threshold for {', '.join(missing)}; a forward path needs one for each.")

    def to_dict(self) -> dict[str, Any]:
        """Return the options as JSON-able data."""
        return asdict(self)


def _at(name: str, thresholds: Thresholds) -> dict[str, float]:
    return {f"{name} of layer {layer}": threshold for layer, threshold in thresholds.items()}
