"""Random numbers per image: an image draws the same numbers whatever images are beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor


class Draws:
    """One random generator per image, seeded by a number and the image's 8-bit content.

    Every call draws from all generators, so an image's numbers do not depend on the other images of its chunk.
    """

    def __init__(self, pixels: Tensor, seed: int) -> None:
        self._device = pixels.device
        levels = (pixels.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu().contiguous()
        self._seeds = [_seed(f"{seed}:".encode() + image.numpy().tobytes()) for image in levels]
        self._generators = [torch.Generator().manual_seed(value) for value in self._seeds]

    def __len__(self) -> int:
        return len(self._seeds)

    @property
    def chunk_seed(self) -> int:
        """A seed for libraries that have a single generator; it depends on all images of the chunk."""
        return _seed(b"".join(value.to_bytes(8, "little") for value in self._seeds))

    def uniform(self, *shape: int) -> Tensor:
        """Return ``n *shape`` numbers, uniform in [0, 1)."""
        return self._each(lambda generator: torch.rand(shape, generator=generator))

    def normal(self, *shape: int) -> Tensor:
        """Return ``n *shape`` numbers, standard normal."""
        return self._each(lambda generator: torch.randn(shape, generator=generator))

    def other_class(self, labels: Tensor, classes: int) -> Tensor:
        """Return for each image a class that is not its label, all equally likely, ``(n,)``."""
        step = 1 + (self.uniform() * (classes - 1)).long().clamp(max=classes - 2)
        return (labels + step) % classes

    def _each(self, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        return torch.stack([draw(generator) for generator in self._generators]).to(self._device)


def _seed(data: bytes) -> int:
    # A torch seed is a signed 64-bit number; 63 bits keep it positive.
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "little") >> 1
