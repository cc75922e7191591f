"""Steps that need no kernel: passing wanted units through sums, data movement and activations."""

from __future__ import annotations

import torch
from torch import Tensor

from profiling.paths.geometry import Movement, Sum
from profiling.paths.policy import Policy


def same(y: Tensor, wanted: Tensor) -> Tensor:
    """Return the wanted inputs of an elementwise step: the same elements, where the output is not 0."""
    return wanted & (y != 0)


def movement(step: Movement, wanted: Tensor) -> tuple[Tensor, ...]:
    """Return the wanted units of each input: those that the wanted outputs came from."""
    image, unit = wanted.reshape(len(wanted), -1).nonzero(as_tuple=True)
    return tuple(
        _scatter(image, sources.to(unit.device)[unit], (len(wanted), size))
        for sources, size in zip(step.sources, step.sizes, strict=True)
    )


def add(step: Sum, operands: tuple[Tensor, Tensor], y: Tensor, wanted: Tensor, policy: Policy) -> tuple[Tensor, Tensor]:
    """Return the wanted units of both operands: the fewest largest that explain each wanted sum.

    Two contributions are too few for the general kernel, the same selection is three comparisons:
    the larger one (the first on a tie) if it suffices or stands alone, else both.
    """
    image, unit = wanted.reshape(len(wanted), -1).nonzero(as_tuple=True)
    sign = torch.where(y.reshape(len(y), -1)[image, unit] < 0, -1.0, 1.0).double()
    sources = [source.to(unit.device)[unit] for source in step.sources]
    first, second = (
        operand.reshape(len(operand), -1)[image, source].double() * scale * sign
        for operand, source, scale in zip(operands, sources, step.scales, strict=True)
    )
    total = first + second if policy.reference != "positive" else first.clamp(min=0) + second.clamp(min=0)
    first_leads, largest = first >= second, torch.maximum(first, second)
    explained = (total > 0) & (largest > 0)
    enough = largest >= policy.theta * total
    keep_largest = explained if policy.unexplained == "none" else largest > 0
    chosen = (
        (keep_largest & first_leads) | (explained & ~enough & (first > 0)),
        (keep_largest & ~first_leads) | (explained & ~enough & (second > 0)),
    )
    marks = zip(chosen, sources, step.sizes, strict=True)
    a, b = (_scatter(image[taken], source[taken], (len(wanted), size)) for taken, source, size in marks)
    return a, b


def _scatter(image: Tensor, unit: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return a mask of ``shape`` that is true at ``(image, unit)``; a unit of -1 is nowhere."""
    mask = torch.zeros(shape, dtype=torch.bool, device=unit.device)
    inside = unit >= 0
    mask[image[inside], unit[inside]] = True
    return mask
