"""Which layers a path covers, and how each of them selects (method, "Variants")."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .geometry import BoolArray
from .network import Trace
from .selection import Policy
from .steps import Step
from .walk import activations


@dataclass(frozen=True, slots=True)
class Variant:
    """The options beside those of Select; all left out, the path is cumulative and backward.

    ``layers`` counts from the output. ``theta`` and ``phi`` are those of single layers, by name: a
    layer with a phi selects absolutely. With ``firing``, a threshold on the outputs of every
    layer, the path is taken forward.
    """

    layers: int | None = None
    theta: Mapping[str, float] = field(default_factory=dict)
    phi: Mapping[str, float] = field(default_factory=dict)
    firing: Mapping[str, float] = field(default_factory=dict)

    def covered(self, trace: Trace) -> list[Step]:
        """Return the weighted layers of the path in forward order: the last ``layers`` ones."""
        steps = [step for step in trace.steps if step.rule == "weighted"]
        return steps if self.layers is None else steps[-self.layers :]

    def policy(self, step: Step, general: Policy) -> Policy:
        """Return how one layer selects."""
        theta = self.theta.get(step.name, general.theta)
        return replace(general, theta=theta, phi=self.phi.get(step.name))

    def fires(self, trace: Trace, step: Step, margin: float = 0.0) -> BoolArray:
        """Return the flat output units of a layer over its threshold, less ``margin``."""
        over: BoolArray = activations(trace, step.node) >= self.firing[step.name] - margin
        return over


PLAIN = Variant()
