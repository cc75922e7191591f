"""Transferred images: crafted on another network, whose gradients the attacker has, and tried on the attacked one."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Cost, Goal, Logits, Method
from pathprint.profiling.attacks.draws import Draws


@dataclass(frozen=True, slots=True)
class Transferred:
    """Attack ``network`` instead of the attacked one, which is never asked.

    Attributes:
        network: another network, with the attacked one's input shape and classes.
        method: how it is attacked.
    """

    network: Network
    method: Method

    @property
    def cost(self) -> Cost:
        """How often the other network is asked about each image."""
        return self.method.cost

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        return self.method(self.network.to(pixels.device).logits, pixels, goal, draws)
