"""Where the images of a batch are in an activation, and how to put them first.

Attention puts the batch second, or merges it with heads, tokens or windows. Geometry is always
that of one image, so activations are brought to ``(n, *shape of one image)`` before it is applied.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pathprint.profiling.errors import PlanError


@dataclass(frozen=True, slots=True)
class BatchAxis:
    """The axis that holds the images, merged with ``outer`` entries before and ``inner`` after them.

    Index ``(o * n + image) * inner + i`` of ``axis`` belongs to ``image``.
    """

    axis: int = 0
    outer: int = 1
    inner: int = 1

    @property
    def is_first(self) -> bool:
        """Whether the batch is the first axis and nothing else is in it."""
        return self == BatchAxis()

    def images_first(self, value: Tensor) -> Tensor:
        """Return ``value`` as ``(n, *shape of one image)``."""
        if self.is_first:
            return value
        before, after = value.shape[: self.axis], value.shape[self.axis + 1 :]
        apart = value.reshape(*before, self.outer, -1, self.inner, *after).movedim(self.axis + 1, 0)
        return apart.reshape(len(apart), *before, *self._merged, *after)

    def put_back(self, value: Tensor) -> Tensor:
        """Undo ``images_first``."""
        if self.is_first:
            return value
        before, after = value.shape[1 : self.axis + 1], value.shape[self.axis + 1 + len(self._merged) :]
        apart = value.reshape(len(value), *before, self.outer, self.inner, *after).movedim(0, self.axis + 1)
        return apart.reshape(*before, self.outer * len(value) * self.inner, *after)

    @property
    def _merged(self) -> tuple[int, ...]:
        """The axis that stays where the images were taken out, if there is one."""
        factor = self.outer * self.inner
        return () if factor == 1 else (factor,)


def batch_axis(name: str, two: Tensor, three: tuple[int, ...]) -> BatchAxis:
    """Find the batch axis of the value ``name``.

    Args:
        two: the value for a batch of two images, of which the second is all nan.
        three: its shape for a batch of three.

    Raises:
        PlanError: not exactly one axis grows with the batch, or a part of the value depends on both images.
    """
    grown = [axis for axis, sizes in enumerate(zip(two.shape, three, strict=True)) if sizes[0] != sizes[1]]
    if len(grown) != 1 or 2 * three[grown[0]] != 3 * two.shape[grown[0]]:
        raise PlanError(
            f"{name} has shape {tuple(two.shape)} for two images, {three} for three; exactly one axis must grow."
        )
    second = two.isnan().movedim(grown[0], 0).flatten(1).any(1)
    factor = len(second) // 2
    for outer in (size for size in range(1, factor + 1) if factor % size == 0):
        pattern = torch.tensor([False, True])[None, :, None].expand(outer, 2, factor // outer).reshape(-1)
        if not bool((second & ~pattern).any()):
            return BatchAxis(grown[0], outer, factor // outer)
    raise PlanError(f"{name} mixes the images of a batch.")
