"""The verdict on the path of another implementation, layer by layer (method, section 2.1)."""

from dataclasses import dataclass
from typing import Self

from .geometry import BoolArray


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claimed mask against what it must contain and may contain.

    ``missing`` elements had to be claimed, ``surplus`` elements must not have been. On ``free``
    elements, the doing of borderline units, either claim is accepted.
    """

    missing: BoolArray
    surplus: BoolArray
    free: int

    @classmethod
    def of(cls, claimed: BoolArray, certain: BoolArray, possible: BoolArray) -> Self:
        """Compare, where every admissible claim lies between ``certain`` and ``possible``."""
        if claimed.shape != certain.shape or claimed.dtype != bool:
            raise ValueError(f"expected bool {certain.shape}, got {claimed.dtype} {claimed.shape}")
        return cls(certain & ~claimed, claimed & ~possible, int((possible & ~certain).sum()))

    @property
    def disagreements(self) -> int:
        """The number of elements that no admissible choice explains."""
        return int(self.missing.sum() + self.surplus.sum())


@dataclass(frozen=True, slots=True)
class LayerAgreement:
    """The claim on one layer: its output units, its weights and its count of unexplained units.

    ``unexplained`` is how far the claimed count lies outside what is admissible. Of the ``wanted``
    (claimed) units, ``borderline`` ones have more than one admissible choice.
    """

    name: str
    neurons: Comparison
    weights: Comparison
    unexplained: int
    wanted: int
    borderline: int

    @property
    def disagreements(self) -> int:
        """The number of all disagreements in this layer."""
        return self.neurons.disagreements + self.weights.disagreements + self.unexplained


@dataclass(frozen=True, slots=True)
class Agreement:
    """The claim on all layers, in forward order."""

    layers: tuple[LayerAgreement, ...]

    @property
    def disagreements(self) -> int:
        """The number of all disagreements; 0 means that the claim is admissible."""
        return sum(layer.disagreements for layer in self.layers)

    @property
    def wanted(self) -> int:
        """The number of units that the weighted layers had to explain."""
        return sum(layer.wanted for layer in self.layers)

    @property
    def borderline(self) -> int:
        """The number of those units that have more than one admissible choice."""
        return sum(layer.borderline for layer in self.layers)

    @property
    def borderline_rate(self) -> float:
        """The share of borderline units among the wanted ones."""
        return self.borderline / max(self.wanted, 1)

    @property
    def free(self) -> int:
        """The number of neurons and weights on which either claim is accepted."""
        return sum(layer.neurons.free + layer.weights.free for layer in self.layers)
