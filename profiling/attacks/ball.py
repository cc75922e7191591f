"""Geometry of budgets: steepest steps, projections and random points, in Linf and L2."""

from __future__ import annotations

import torch
from torch import Tensor

from pathprint.profiling.attacks.attack import Norm
from pathprint.profiling.attacks.draws import Draws

_TINY = 1e-12


def lengths(change: Tensor) -> Tensor:
    """Return the L2 length of each image's change, shaped ``n 1 1 1``."""
    size: Tensor = change.flatten(1).norm(dim=1)
    return size.reshape(-1, *[1] * (change.dim() - 1))


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """Return the change of size 1 in ``norm`` (Linf or L2) that increases the loss most, ``n c h w``."""
    return gradient.sign() if norm == "Linf" else gradient / lengths(gradient).clamp(min=_TINY)


def project(made: Tensor, pixels: Tensor, norm: Norm, budget: float) -> Tensor:
    """Return the images moved into the ball of ``budget`` around ``pixels`` and into [0, 1].

    Clipping to [0, 1] comes last. It only moves values towards the original, so the result stays in the ball.
    """
    change = made - pixels
    if norm == "Linf":
        inside = change.clamp(-budget, budget)
    else:
        inside = change * (budget / lengths(change).clamp(min=_TINY)).clamp(max=1)
    return (pixels + inside).clamp(0, 1)


def random_point(pixels: Tensor, norm: Norm, budget: float, draws: Draws) -> Tensor:
    """Return a point drawn uniformly from the ball around each image, clipped to [0, 1]."""
    shape = tuple(pixels.shape[1:])
    if norm == "Linf":
        return (pixels + budget * (2 * draws.uniform(*shape) - 1)).clamp(0, 1)
    direction = steepest(draws.normal(*shape), "L2")
    values = pixels[0].numel()
    radius = draws.uniform().pow(1 / values).reshape(-1, *[1] * (pixels.dim() - 1))
    return (pixels + budget * radius * direction).clamp(0, 1)


def wrong_side(margin: Tensor) -> Tensor:
    """Return which margins (see ``Goal.margin``) mean that the goal is reached; a tie of two classes does not."""
    return torch.lt(margin, 0)
