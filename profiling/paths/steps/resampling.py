"""Resampling to another size: an output is a sum of inputs times fixed numbers (bilinear, bicubic and others)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from pathprint.models.graph import Node
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.steps.gathered import Gathered, Terms

_AXES = {"linear1d": 1, "bilinear2d": 2, "bicubic2d": 2, "trilinear3d": 3}


@dataclass(frozen=True, eq=False)
class Resampling(Gathered):
    """A resampling, axis by axis, of the last axes of an activation.

    Attributes:
        sizes: length of each of these axes before.
        places: for each axis and each output place, the input places that it is summed from, int64 ``(outputs, k)``;
            -1 where there are fewer than ``k``.
        shares: what each is multiplied by, float64 ``(outputs, k)``.
    """

    sizes: tuple[int, ...]
    places: tuple[Tensor, ...]
    shares: tuple[Tensor, ...]

    @property
    def longest(self) -> int:
        return prod(places.shape[1] for places in self.places)

    def terms(self, units: Tensor) -> Terms:
        lengths = [len(places) for places in self.places]
        sources = units[:, None] // prod(lengths)
        factors = torch.ones_like(sources, dtype=torch.float64)
        for axis, (size, places, shares) in enumerate(zip(self.sizes, self.places, self.shares, strict=True)):
            at = units // prod(lengths[axis + 1 :]) % lengths[axis]
            read = places[at][:, None, :]
            both = sources[:, :, None] * size + read
            inside = (sources[:, :, None] >= 0) & (read >= 0)
            sources = torch.where(inside, both, -1).flatten(1)
            factors = (factors[:, :, None] * shares[at][:, None, :]).flatten(1)
        return Terms(sources, factors)


def rule(node: Node, context: Context) -> Resampling:
    """Return the step of a resampling; its numbers are read off the operation itself."""
    x = node.args[0].name
    count = _AXES[node.operation.split("upsample_")[1].split(".")[0].removesuffix("_aa")]
    sizes = context.plain_shape(x, count)[-count:]
    tables = [_table(_shares(node, context, sizes, axis)) for axis in range(count)]
    return Resampling(x, node.name, sizes, tuple(t[0] for t in tables), tuple(t[1] for t in tables))


def _shares(node: Node, context: Context, sizes: tuple[int, ...], axis: int) -> Tensor:
    """Return what each input place of an axis adds to each output place, float64 ``(outputs, inputs)``.

    The operation resamples one picture for each input place, which is one there, whatever the other axes. As the
    numbers of each axis add up to one, the other axes change nothing.
    """
    size = sizes[axis]
    pictures = torch.eye(size, dtype=torch.float64).reshape(size, 1, *[1] * axis, size, *[1] * (len(sizes) - axis - 1))
    resampled = context.graph.evaluate(
        node, {**context.values, node.args[0].name: pictures.expand(size, 1, *sizes).contiguous()}
    )
    assert isinstance(resampled, Tensor)
    return resampled.movedim(axis + 2, -1).reshape(size, -1, resampled.shape[axis + 2])[:, 0].T


def _table(shares: Tensor) -> tuple[Tensor, Tensor]:
    """Return the input places with a share in each output place, ascending, and their shares."""
    longest = int((shares != 0).sum(1).max())
    order = (shares == 0).int().argsort(dim=1, stable=True)[:, :longest]
    found = shares.gather(1, order)
    return torch.where(found != 0, order, -1), found
