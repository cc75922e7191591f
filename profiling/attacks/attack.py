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

from pathprint.models.network import Network
from pathprint.profiling.attacks.atlas import TECHNIQUES, Knowledge, Technique
from pathprint.profiling.attacks.draws import Draws

Norm = Literal["Linf", "L2", "L1", "L0", "area", "degrees", "none"]
"""How a perturbation is measured. An L0 budget is a share of the image's values (pixels times channels), an area
budget is a share of its pixels, and a budget of degrees is the largest angle that an image is turned by."""
Logits = Callable[[Tensor], Tensor]
"""The attacked network: pixels ``n c h w`` to logits ``n k``, differentiable."""
METHODS = 1
"""Version of the methods' code: raised by one when a method makes different images from an unchanged declaration."""


@dataclass(frozen=True)
class Goal:
    """What the attacker wants.

    Attributes:
        labels: the right class of each image, ``(n,)``.
        targets: the class that each image should be answered with, ``(n,)``; None if any wrong class will do.
    """

    labels: Tensor
    targets: Tensor | None = None

    def loss(self, logits: Tensor) -> Tensor:
        """Return what a gradient attack maximises, ``(n,)``.

        Untargeted: the cross-entropy of the label. Targeted: minus the cross-entropy of the target.
        """
        if self.targets is None:
            return F.cross_entropy(logits, self.labels, reduction="none")
        return -F.cross_entropy(logits, self.targets, reduction="none")

    def margin(self, logits: Tensor) -> Tensor:
        """Return how many logits each image is away from the goal, ``(n,)``; below 0 the goal is reached.

        Untargeted: the label's logit minus the largest other. Targeted: the largest other minus the target's.
        """
        own = self.labels if self.targets is None else self.targets
        value = logits.gather(1, own[:, None])[:, 0]
        others = logits.scatter(1, own[:, None], -torch.inf).amax(1)
        return value - others if self.targets is None else others - value

    def some(self, rows: Tensor) -> Goal:
        """Return the goal for the images ``rows`` only (indices or a mask)."""
        return Goal(self.labels[rows], None if self.targets is None else self.targets[rows])


GRADIENT = 3
"""Inferences that a gradient takes as long as: one forwards, and about two backwards."""


@dataclass(frozen=True, slots=True)
class Cost:
    """How often a method asks the network about an image.

    Attributes:
        answers: inferences without a gradient.
        gradients: inferences with a gradient.
        at_most: whether the numbers are upper bounds, as for a method that stops when it has succeeded.
    """

    answers: int = 0
    gradients: int = 0
    at_most: bool = False

    def __add__(self, other: Cost) -> Cost:
        answers, gradients = self.answers + other.answers, self.gradients + other.gradients
        return Cost(answers, gradients, self.at_most or other.at_most)

    @property
    def inferences(self) -> int:
        """The cost as one number of inferences: a gradient counts as ``GRADIENT`` of them."""
        return self.answers + GRADIENT * self.gradients


class Method(Protocol):
    """How an attack makes its images. A method is a frozen dataclass, and its fields are all the settings it has."""

    @property
    def cost(self) -> Cost:
        """How often the network is asked about each image; it follows from the settings."""
        ...

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        """Return attacked pixels ``n c h w`` in [0, 1]; all randomness comes from ``draws``."""
        ...


def library_of(method: Method) -> str | None:
    """Return the name of the optional library that a method is from; None for our own methods."""
    found: str | None = getattr(method, "library", None)
    return found


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack at one strength.

    Attributes:
        name: includes the budget; unless the name says another norm, it is an Linf budget.
        family: name of a group of similar attacks, which are left out of fitting together.
        budget: largest perturbation in ``norm``; None for attacks that look for the smallest one.
        summary: what the attack does, in one line for reports.
        targeted: whether each image has to be answered with a wrong class that is drawn at random.
        on_image: False if the attack makes images from nothing. The network's answer to them counts as their label.
        knowledge: what the attacker needs of the attacked network.
    """

    name: str
    family: str
    norm: Norm
    budget: float | None
    summary: str
    method: Method
    targeted: bool = False
    on_image: bool = True
    knowledge: Knowledge = "white-box"

    @property
    def technique(self) -> Technique:
        """What MITRE ATLAS calls this way to make adversarial images."""
        return TECHNIQUES[self.knowledge]

    @property
    def cost(self) -> Cost:
        """How often the network is asked about each image: by the method, and twice to check what the method made."""
        return self.method.cost + Cost(answers=2 if self.on_image else 0)

    @property
    def inferences(self) -> int:
        """What attacking an image costs, in inferences; an upper bound if ``cost.at_most``."""
        return self.cost.inferences

    def declaration(self) -> dict[str, Any]:
        """Return everything that determines the attacked images, as JSON-able data."""
        return {"name": self.name, "targeted": self.targeted, "methods": METHODS, "method": _declared(self.method)}


def _declared(value: object) -> Any:
    if isinstance(value, Network):
        return value.fingerprint
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: _declared(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **parts}
    return [_declared(item) for item in value] if isinstance(value, tuple) else value


def budget_text(budget: float) -> str:
    """Return a budget as text: below 0.05 in steps of 8-bit images (``8of255``), otherwise as a decimal (``0.3``)."""
    return f"{round(budget * 255)}of255" if budget < 0.05 else f"{budget:g}"


@dataclass(frozen=True, slots=True)
class Crafted:
    """What an attack made of some images.

    Attributes:
        pixels: ``n c h w``, rounded to 8 bit, as a file would hold them.
        success: whether the network answers the rounded pixels with another class than the label, ``(n,)``. A
            targeted attack that ends at a third class counts as a success too.
        success_unrounded: whether it answers the pixels before rounding with another class, ``(n,)``.
    """

    pixels: Tensor
    success: Tensor
    success_unrounded: Tensor


def climb(logits: Logits, pixels: Tensor, loss: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits ``n k``, loss ``n`` and its gradient ``n c h w`` at ``pixels``.

    Images do not influence each other, so the gradient of the summed loss holds each image's own gradient.
    """
    leaf = pixels.detach().requires_grad_()
    with torch.enable_grad():
        found = logits(leaf)
        value = loss(found)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
    return found.detach(), value.detach(), gradient
