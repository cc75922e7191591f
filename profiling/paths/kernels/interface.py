"""What every kernel can do, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from pathprint.profiling.arrays import Counts
from pathprint.profiling.paths.geometry import Maximum, Mean, Movement, Sum, Weighted
from pathprint.profiling.paths.path import Members
from pathprint.profiling.paths.policy import Selection

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen in one weighted layer, for a batch.

    Attributes:
        neurons: wanted output units.
        inputs: chosen input units, bool, of the input's shape.
        weights: weight elements of the chosen synapses.
        synapses: chosen synapses per image, ``(n,)``.
        unexplained: wanted units per image for which nothing was chosen, ``(n,)``.
        coherence: mean of net over gross contribution per image, ``(n,)``; 0 without wanted units.
        synapse_ids: which they are, if that was asked for: see ``LayerPath``.
    """

    neurons: Members
    inputs: Tensor
    weights: Members
    synapses: Counts
    unexplained: Counts
    coherence: npt.NDArray[np.float64]
    synapse_ids: Members | None = None


class Kernel(Protocol):
    """Chooses inputs for wanted units.

    ``x``, ``y`` are recorded activations ``(n, *shape)``, ``wanted`` and what is returned are bool
    masks of such shapes, in whatever order of memory suits the kernel.

    Selection (docs/method.md): multiply contributions and total by the sign of the unit's own
    value; of the strictly positive contributions take the smallest set of largest ones whose sum
    reaches ``theta * total``; ties go to the lower index; a total that is not positive leaves the
    unit unexplained. With a phi, which only weighted layers have: take those of at least phi;
    if there is none, the unit is unexplained.
    """

    name: str
    threads: bool
    """Whether the images of a batch may be walked on several threads at once."""

    def weighted(self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection) -> Choice:
        """Choose synapses of a convolution or linear layer; ``y`` is None if ``step.positive``."""
        ...

    def mean(self, step: Mean, x: Tensor, y: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
        """Return the chosen inputs of an average-pool."""
        ...

    def maximum(self, step: Maximum, x: Tensor, wanted: Tensor) -> Tensor:
        """Return the first largest input of each wanted max-pool output."""
        ...

    def add(
        self, step: Sum, operands: tuple[Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> tuple[Tensor, Tensor]:
        """Return the chosen units of both operands of a sum."""
        ...

    def move(self, step: Movement, wanted: Tensor, shapes: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Return the units of each input, of these shapes for one image, that were moved to wanted outputs."""
        ...
