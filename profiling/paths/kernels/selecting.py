"""Choose among contributions that were gathered: sort, sum, cut. Torch, float64, any device."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from pathprint.profiling.paths.policy import Selection

_CHUNK = 1 << 22
"""Contributions gathered at once: 32 MB of float64."""


def select(contributions: Tensor, totals: Tensor, selection: Selection) -> Tensor:
    """Choose for each unit the fewest largest contributions that reach ``theta * total``, or those of at least phi.

    Args:
        contributions: float64 ``(m, k)``, already multiplied by the sign of the unit; 0 for padding.
        totals: float64 ``(m,)``, already multiplied by the sign.

    Returns:
        bool ``(m, k)``. Equal contributions are taken lowest index first.
    """
    ordered, order = contributions.clamp(min=0).sort(dim=1, descending=True, stable=True)
    if selection.phi is None:
        before = torch.nn.functional.pad(ordered.cumsum(1), (1, -1))  # the sum of all that rank higher
        taken = (before < selection.theta * totals[:, None]) & (ordered > 0) & (totals[:, None] > 0)
        unexplained = totals <= 0
    else:
        taken = ordered >= selection.phi  # phi is above 0, so padding is never taken
        unexplained = ~taken[:, 0]
    if selection.unexplained == "argmax":
        taken[:, 0] |= unexplained & (ordered[:, 0] > 0)
    return torch.zeros_like(taken).scatter_(1, order, taken)


def unexplained_of(signed: Tensor, totals: Tensor, selection: Selection) -> Tensor:
    """Return which units are unexplained, bool ``(m,)``, even if a contribution is then chosen for them."""
    if selection.phi is not None:
        return (signed < selection.phi).all(1)
    return (totals <= 0) | (signed <= 0).all(1)


def totals_of(signed: Tensor, bias: Tensor, selection: Selection) -> Tensor:
    """Return the reference total of each row of signed contributions ``(m, k)``."""
    match selection.reference:
        case "sum":
            return signed.sum(1)
        case "output":
            return signed.sum(1) + bias
        case "positive":
            return signed.clamp(min=0).sum(1)


def sign_of(values: Tensor) -> Tensor:
    """Return the sign of each value as float64 ``(m, 1)``; zero counts as positive."""
    return torch.where(values < 0, -1.0, 1.0).double()[:, None]


def chunks(units: Tensor, fan_in: int) -> Iterator[Tensor]:
    """Yield ``units`` in parts whose contributions, ``fan_in`` each, can be gathered at once."""
    if len(units):
        yield from torch.split(units, max(1, _CHUNK // max(fan_in, 1)))
