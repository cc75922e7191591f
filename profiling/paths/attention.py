"""Pass wanted units through attention: the weights are coefficients, the values are followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from pathprint.profiling.paths.geometry import Attend
from pathprint.profiling.paths.kernels.reference import select, totals_of
from pathprint.profiling.paths.policy import Selection

_CHUNK = 1 << 22
"""Contributions gathered at once: 32 MB of float64."""


def attend(step: Attend, recorded: Mapping[str, Tensor], wanted: Tensor, selection: Selection) -> Tensor:
    """Return the chosen values, bool ``(n, rows * keys * width)``.

    The contributions to a wanted unit are weight times value over the keys, in their order.
    """
    n = len(wanted)
    weights = recorded[step.weights].reshape(n * step.rows * step.queries, step.keys)
    values = recorded[step.x].reshape(n * step.rows, step.keys, step.width)
    outputs = recorded[step.y].reshape(-1)
    chosen = torch.zeros(values.shape, dtype=torch.bool, device=values.device)
    for unit in _chunks(wanted.reshape(-1).nonzero()[:, 0], step.keys):
        query, column = unit // step.width, unit % step.width
        row = query // step.queries
        sign = torch.where(outputs[unit] < 0, -1.0, 1.0).double()[:, None]
        signed = weights[query].double() * values[row, :, column].double() * sign
        totals = totals_of(signed, torch.zeros_like(sign[:, 0]), selection)
        taken, key = select(signed, totals, selection).nonzero(as_tuple=True)
        chosen[row[taken], key, column[taken]] = True
    return chosen.reshape(n, -1)


def _chunks(units: Tensor, keys: int) -> Iterator[Tensor]:
    if len(units):
        yield from torch.split(units, max(1, _CHUNK // keys))
