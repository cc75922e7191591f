"""Steps whose outputs are sums of inputs times fixed numbers, for which no kernel has a loop of its own.

A new kind of step of this form says only which inputs a unit is summed from, and how much each counts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.step import Passed, Step

if TYPE_CHECKING:
    from pathprint.profiling.paths.kernels.interface import Kernel


class Terms(NamedTuple):
    """What some output units are summed from.

    Attributes:
        sources: the input unit of each term, int64 ``(m, k)``; -1 where a unit has fewer than ``k`` terms.
        factors: what each is multiplied by, float64 ``(m, k)``.
    """

    sources: Tensor
    factors: Tensor


@dataclass(frozen=True, eq=False)
class Gathered(Step):
    """A step from the activation ``x`` to ``y``, whose units are sums of ``longest`` terms at most."""

    x: str
    y: str

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.x,)

    @property
    def records(self) -> tuple[str, ...]:
        return (self.x, self.y)

    @property
    @abstractmethod
    def longest(self) -> int:
        """The largest number of terms of one output unit."""

    @abstractmethod
    def terms(self, units: Tensor) -> Terms:
        """Return what the output ``units``, int64 ``(m,)``, are summed from."""

    def choose(self, kernel: Kernel, recorded: Mapping[str, Tensor], wanted: Tensor, policy: Policy) -> Passed:
        chosen = kernel.gather(self, recorded[self.x], recorded[self.y], wanted, policy.between)
        return Passed([(self.x, chosen)])

    def wants_nonzero(self, output_nonzero: bool) -> bool:
        return True  # zero times a number is no positive contribution
