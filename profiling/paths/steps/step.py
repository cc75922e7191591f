"""What every step of a walk knows: what it reads, what it looks at, and how it passes wanted units on.

A step is data, computed once when a network is planned. Units are numbered by their position in
the flattened tensor of one image (C order).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import torch
from torch import Tensor

from pathprint.profiling.paths.path import LayerPath, Unread
from pathprint.profiling.paths.policy import Policy

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel

Chosen = list[tuple[str, Tensor]]
"""The units chosen of each activation that a step reads, by name: bool, ``n`` rows of its units in C order."""


class Passed(NamedTuple):
    """What a step chose for wanted units.

    Attributes:
        chosen: the chosen units of each activation that the step reads; the walk wants them next.
        layer: what the path records of the step, if it is a weighted layer.
    """

    chosen: Chosen
    layer: LayerPath | Unread | None = None


class Step(ABC):
    """One step of a walk, from an activation back to those that it was computed from.

    Each kind is a frozen dataclass, whose tensors, if it has any, are fields.

    Attributes:
        y: name of the activation whose wanted units the step passes on: its output.
    """

    y: str

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """Names of the activations of which the step chooses units."""

    @property
    @abstractmethod
    def records(self) -> tuple[str, ...]:
        """Names of the activations whose values the step looks at: these are kept while the network runs."""

    @abstractmethod
    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        """Return the units that carried the wanted ones.

        Args:
            recorded: the values named in ``records``, each ``(n, *shape of one image)``.
            wanted: wanted units of the output, bool ``(n, *shape of one image)``.
        """

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        """Say whether every unit that this step wants is known not to be zero.

        Args:
            output_nonzero: whether every wanted unit of the output is known not to be zero.
        """
        return False

    def wants_positive(self) -> bool:
        """Say whether a wanted output that is not zero makes every unit that this step wants positive."""
        return False

    def told(self, nonzero: bool, readers: Sequence[Step]) -> Self:
        """Return the step, told what is known of its output, so that it need not have the output recorded.

        Args:
            nonzero: whether every wanted unit of the output is known not to be zero.
            readers: the steps that choose units of the output; none for the logits.
        """
        return self

    def to(self, device: torch.device) -> Self:
        """Return the step with all of its tensors on ``device``."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}  # type: ignore[arg-type]  # every kind is a dataclass
        return replace(self, **{name: _moved(value, device) for name, value in parts.items()})  # type: ignore[type-var]


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    return tuple(_moved(part, device) for part in value) if isinstance(value, tuple) else value
