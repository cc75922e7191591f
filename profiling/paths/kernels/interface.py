"""What every kernel can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from torch import Tensor

from pathprint.profiling.paths.path import LayerPath, Unread, Walk
from pathprint.profiling.paths.policy import Policy, Selection
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.attention import Attention
from pathprint.profiling.paths.steps.average import Average
from pathprint.profiling.paths.steps.gathered import Gathered
from pathprint.profiling.paths.steps.maximum import Maximum
from pathprint.profiling.paths.steps.movement import Movement
from pathprint.profiling.paths.steps.step import Step
from pathprint.profiling.paths.steps.weighted import Weighted

Walked = Callable[[Tensor], Walk]


class Kernel(Protocol):
    """Chooses inputs for wanted units, with one method for each kind of step.

    ``x``, ``y`` are recorded activations ``(n, *shape)``; ``wanted`` and what is returned are bool
    masks ``(n, *shape)`` or ``(n, units)``, in whatever order of memory suits the kernel.

    Selection (docs/method.md): multiply contributions and total by the sign of the unit's own
    value; of the strictly positive contributions take the smallest set of largest ones whose sum
    reaches ``theta * total``; ties go to the lower index; a total that is not positive leaves the
    unit unexplained. A weighted layer with a phi takes the contributions of at least phi instead; if
    there is none, the unit is unexplained.

    Attributes:
        threads: whether the images of a batch may be walked on several threads at once.
    """

    name: str
    threads: bool

    def weighted(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath | Unread, Tensor]:
        """Choose synapses of a convolution or linear layer; return the path through it, and its chosen inputs.

        ``y`` is None if ``step.positive``.
        """
        ...

    def average(self, step: Average, x: Tensor, y: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
        """Return the chosen inputs of an average-pool."""
        ...

    def maximum(self, step: Maximum, x: Tensor, wanted: Tensor) -> Tensor:
        """Return the first largest input of each wanted max-pool output."""
        ...

    def add(
        self, step: Addition, operands: tuple[Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> tuple[Tensor, Tensor]:
        """Return the chosen units of both operands of a sum."""
        ...

    def attend(
        self, step: Attention, parts: tuple[Tensor, Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> Tensor:
        """Return the chosen values of an attention; ``parts`` are its weights, values and outputs."""
        ...

    def gather(self, step: Gathered, x: Tensor, y: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
        """Return the chosen inputs of a step that sums inputs times fixed numbers."""
        ...

    def move(self, step: Movement, wanted: Tensor) -> tuple[Tensor, ...]:
        """Return the units of each input of a data movement that were moved to wanted outputs."""
        ...

    def read(self, layers: Sequence[LayerPath | Unread]) -> tuple[LayerPath, ...]:
        """Return the paths through ``layers``, those that a device has brought from there."""
        ...

    def repeated(self, steps: Sequence[Step], policy: Policy, walked: Walked) -> Walked | None:
        """Return ``walked``, made cheaper for network inputs of a shape that comes again and again; None if it cannot.

        Args:
            steps: what is walked through.
            walked: runs the network on its inputs ``n c h w``, and walks from the predicted classes.
        """
        ...

    def keep(self, step: Step, y: Tensor, wanted: Tensor) -> Tensor:
        """Return the wanted units where ``y``, the output of an elementwise function or a mask, is not zero."""
        ...
