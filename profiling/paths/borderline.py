"""How many units are decided so narrowly that rounding may decide them otherwise (docs/method.md, agreement)."""

from __future__ import annotations

import torch
from torch import Tensor

from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import ReferenceKernel
from pathprint.profiling.paths.kernels.selecting import totals_of
from pathprint.profiling.paths.kernels.weighing import Weighing, weighed
from pathprint.profiling.paths.path import LayerPath, Members
from pathprint.profiling.paths.policy import Selection
from pathprint.profiling.paths.steps.weighted import Weighted

_REACHED = 1e-5
"""A cumulative sum is borderline if it is this near to its target, relative to total and bias."""
_CANCELLED = 1e-6
"""A total is borderline if it is nearer to 0 than this, relative to the absolute contributions and bias."""
_EQUAL = 1e-6
"""A cut is borderline if the last contribution taken and the first left differ by less than this, relatively."""


def borderline(extractor: Extractor, pixels: Tensor) -> tuple[int, int]:
    """Return how many wanted units of weighted layers are borderline, and how many there are.

    Every unit is decided in float64, which is slow: pass a few images only.
    """
    counter = _Counter()
    Extractor(extractor.network, extractor.policy, counter).extract(pixels)
    return counter.borderline, counter.units


class _Counter(ReferenceKernel):
    """The reference kernel, counting borderline units on its way."""

    def __init__(self) -> None:
        self.borderline = self.units = 0

    def weighted(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath, Tensor]:
        units = Members.of(wanted.reshape(len(wanted), -1).cpu().numpy())
        for i in range(len(x)):
            for some in weighed(step, x[i], None if y is None else y[i], units.one(i)):
                self.borderline += int(_is_borderline(some, selection).sum())
        self.units += len(units.indices)
        return super().weighted(step, x, y, wanted, selection)


def _is_borderline(some: Weighing, selection: Selection) -> Tensor:
    """Return which units are borderline, bool ``(m,)``; a unit without a positive contribution is not."""
    total = totals_of(some.signed, some.bias, selection)
    ordered = some.signed.clamp(min=0).sort(dim=1, descending=True).values
    target = selection.theta * total[:, None]
    near = (ordered.cumsum(1) - target).abs() <= _REACHED * (total.abs() + some.bias.abs())[:, None]
    cancelled = total.abs() < _CANCELLED * (some.signed.abs().sum(1) + some.bias.abs())
    taken = (torch.nn.functional.pad(ordered.cumsum(1), (1, -1)) < target) & (ordered > 0)
    last = (taken.sum(1) - 1).clamp(min=0)[:, None]
    cut, following = ordered.gather(1, last), ordered.gather(1, (last + 1).clamp(max=ordered.shape[1] - 1))
    split = (cut - following <= _EQUAL * cut) & (cut != following) & taken.any(1, keepdim=True)
    eligible = ordered[:, 0] > 0
    return eligible & ((near & (ordered > 0)).any(1) | cancelled | split[:, 0])
