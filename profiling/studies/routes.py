"""Random routes along effective paths, from the logit to the image: how many residual branches they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pathprint.models.graph import INPUT
from pathprint.profiling.arrays import Bits, Counts
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.steps.step import Chosen, Step
from pathprint.profiling.studies.residual import Block


@dataclass(frozen=True, eq=False)
class Routes:
    """Random routes along effective paths, one per row.

    Attributes:
        came: whether the route reached the sum of each block, ``(n, blocks)``.
        branched: whether the route took the branch of each block, ``(n, blocks)``.
        arrived: whether the route reached the image, ``(n,)``; if not, it ended at a unit that chose no input.
    """

    came: Bits
    branched: Bits
    arrived: Bits

    @property
    def lengths(self) -> Counts:
        """How many branches each route took, ``(n,)``."""
        found: Counts = self.branched.sum(1)
        return found

    @staticmethod
    def join(parts: Sequence[Routes]) -> Routes:
        """Return the routes of several batches as one."""
        columns = zip(*((part.came, part.branched, part.arrived) for part in parts), strict=True)
        return Routes(*map(np.concatenate, columns))


class Wandering:
    """Follows one chosen input of each unit, drawn uniformly, and records where the route goes.

    It is passed to ``Extractor.walk``, which calls it at every step.
    """

    def __init__(self, blocks: Sequence[Block], rows: int, generator: torch.Generator) -> None:
        self.blocks = {block.step.y: (number, block) for number, block in enumerate(blocks)}
        self.generator = generator
        self.came, self.branched = (np.zeros((rows, len(blocks)), dtype=np.bool_) for _ in range(2))
        self.arrived = np.zeros(rows, dtype=np.bool_)

    def __call__(self, step: Step, mask: Tensor, chosen: Chosen) -> Chosen:
        drawn = self._one_each(chosen)
        for name, one in drawn:
            if name == INPUT:
                self.arrived |= _any(one)
        if step.y in self.blocks:
            number, block = self.blocks[step.y]
            self.came[:, number] = _any(mask)
            self.branched[:, number] = _any(drawn[block.branch][1])
        return drawn

    def _one_each(self, chosen: Chosen) -> Chosen:
        """Return masks with one of the chosen units per row, drawn over all inputs of the step."""
        flat = torch.cat([mask.flatten(1) for _, mask in chosen], 1)
        counts = flat.sum(1)
        rows, units = flat.nonzero(as_tuple=True)
        there = counts > 0
        offsets = (counts.cumsum(0) - counts)[there]
        draws = torch.rand(len(offsets), generator=self.generator, dtype=torch.float64).to(flat.device)
        picked = offsets + (draws * counts[there]).long()
        one = torch.zeros_like(flat)
        one[rows[picked], units[picked]] = True
        parts = torch.split(one, [mask[0].numel() for _, mask in chosen], 1)
        return [(name, part.reshape(mask.shape)) for (name, mask), part in zip(chosen, parts, strict=True)]


def routes(extractor: Extractor, blocks: Sequence[Block], pixels: Tensor, generator: torch.Generator) -> Routes:
    """Return one random route for each image of pixels ``n c h w``; repeat an image for several.

    A route starts at the logit of the predicted class. At every step it goes on to one of the inputs
    that its unit chose, all equally likely.
    """
    drawing = Wandering(blocks, len(pixels), generator)
    extractor.walk(pixels, drawing)
    return Routes(drawing.came, drawing.branched, drawing.arrived)


def _any(mask: Tensor) -> Bits:
    found: Bits = mask.flatten(1).any(1).cpu().numpy()
    return found
