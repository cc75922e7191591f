"""What an attack is: a declaration, a method, a goal, and what comes out.

Images are pixels in [0, 1]; normalisation is inside the attacked network. Budgets are in units of
that range.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from pathprint.profiling.attacks.draws import Draws

Norm = Literal["Linf", "L2", "L0", "area", "none"]
"""L0 and area budgets are shares: of the values of an image, and of its pixels."""
Logits = Callable[[Tensor], Tensor]
"""The attacked network: pixels ``n c h w`` to logits ``n k``, differentiable."""
METHODS = 1
"""Number of the methods' code; raised when a method makes other images from the same declaration."""


@dataclass(frozen=True)
class Goal:
    """What the attacker wants.

    Attributes:
        labels: the right answers, ``(n,)``.
        targets: the answers to reach, ``(n,)``; None if any wrong one will do.
    """

    labels: Tensor
    targets: Tensor | None = None

    def loss(self, logits: Tensor) -> Tensor:
        """Return what a gradient attack climbs, per image ``(n,)``: cross-entropy, signed by the goal."""
        if self.targets is None:
            return F.cross_entropy(logits, self.labels, reduction="none")
        return -F.cross_entropy(logits, self.targets, reduction="none")

    def margin(self, logits: Tensor) -> Tensor:
        """Return how far the goal is away, per image ``(n,)``; below 0 it is reached."""
        own = self.labels if self.targets is None else self.targets
        value = logits.gather(1, own[:, None])[:, 0]
        others = logits.scatter(1, own[:, None], -torch.inf).amax(1)
        return value - others if self.targets is None else others - value

    def some(self, rows: Tensor) -> Goal:
        """Return the goal of some images."""
        return Goal(self.labels[rows], None if self.targets is None else self.targets[rows])


class Method(Protocol):
    """How images are made; a frozen dataclass whose fields are all that decides them."""

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        """Return attacked pixels ``n c h w`` in [0, 1]; ``draws`` is the only source of chance."""
        ...


def library_of(method: Method) -> str | None:
    """Return the name of the optional library that a method is from; None for our own methods."""
    found: str | None = getattr(method, "library", None)
    return found


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack at one strength.

    Attributes:
        name: says the budget too; a number alone is an Linf budget.
        family: attacks that are left out of training together, being too alike.
        budget: largest perturbation in ``norm``; None for attacks that look for the smallest.
        targeted: a random wrong class per image is to be answered.
        on_image: False for images made from nothing: their label is whatever the network answers.
    """

    name: str
    family: str
    norm: Norm
    budget: float | None
    summary: str
    method: Method
    targeted: bool = False
    on_image: bool = True

    def declaration(self) -> dict[str, Any]:
        """Return all that decides what the attack makes, as JSON-able data."""
        return {"name": self.name, "targeted": self.targeted, "methods": METHODS, "method": _declared(self.method)}


def _declared(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: _declared(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **parts}
    return [_declared(item) for item in value] if isinstance(value, tuple) else value


def budget_text(budget: float) -> str:
    """Write a budget as users do: small ones in steps of 8-bit images, others as decimals."""
    return f"{round(budget * 255)}of255" if budget < 0.05 else f"{budget:g}"


@dataclass(frozen=True, slots=True)
class Crafted:
    """What an attack made of some images.

    Attributes:
        pixels: ``n c h w``, rounded to 8 bit, as a file would hold them.
        success: the network's answer on these rounded pixels is not the label, ``(n,)``. A targeted
            attack that ends at a third class has fooled the network too.
        success_unrounded: the same before rounding.
    """

    pixels: Tensor
    success: Tensor
    success_unrounded: Tensor


def climb(logits: Logits, pixels: Tensor, loss: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits ``n k``, loss ``n`` and its gradient ``n c h w`` at ``pixels``.

    Images are independent, so the gradient of the sum is each image's own.
    """
    leaf = pixels.detach().requires_grad_()
    with torch.enable_grad():
        found = logits(leaf)
        value = loss(found)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
    return found.detach(), value.detach(), gradient
