"""One recorded run of the network on a batch, and the paths that are walked through it.

A forward path takes every weighted layer on its own instead of walking (``Policy.firing``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pathprint.profiling.arrays import Indices
from pathprint.profiling.paths.kernels import Kernel
from pathprint.profiling.paths.path import ImagePaths, LayerPath, Unread, Walk
from pathprint.profiling.paths.plan import Plan
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.step import Chosen, Step
from pathprint.profiling.threads import in_parallel

Follow = Callable[[Step, Tensor, Chosen], Chosen]
"""Takes a step, its wanted units and the units that it chose; returns the units that the walk goes on with."""


def _all(step: Step, mask: Tensor, chosen: Chosen) -> Chosen:
    return chosen


def read(walk: Walk, kernel: Kernel) -> ImagePaths:
    """Return the paths of a walk, brought from the device where they were walked."""
    layers = kernel.read(walk.layers)
    averages = tuple(average.cpu().numpy() for average in walk.averages)
    return ImagePaths(walk.logits.cpu().numpy(), walk.seeds.cpu().numpy(), layers, averages)


@dataclass(frozen=True)
class Recording:
    """What the network computed for some images.

    Attributes:
        values: the activations that the plan looks at, by name, each ``(n, *shape of one image)``.
    """

    plan: Plan
    policy: Policy
    kernel: Kernel
    values: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def logits(self) -> Tensor:
        """The class scores, ``n k``."""
        return self.values[self.plan.output]

    @cached_property
    def predicted(self) -> Indices:
        """The class that the network answers for each image, ``(n,)``."""
        found: Indices = self.logits.argmax(1).cpu().numpy()
        return found

    @property
    def averages(self) -> tuple[Tensor, ...]:
        """What the plan's averages are, ``(n, d)`` each."""
        return tuple(average.of(self.values[average.activation]) for average in self.plan.averages)

    def some(self, rows: slice | Tensor) -> Recording:
        """Return the recording of the images at ``rows`` alone."""
        return replace(self, values={name: value[rows] for name, value in self.values.items()})

    def paths(self, seeds: Tensor | None = None) -> ImagePaths:
        """Return the path of each image, walked on as many threads as torch may use.

        Args:
            seeds: the class whose logit each walk starts from, int64 ``(n,)``; None for the predicted one.
        """
        started = self.logits.argmax(1) if seeds is None else seeds
        threads = torch.get_num_threads() if self.kernel.threads else 1
        size = -(-len(self) // threads)
        shares = [slice(first, first + size) for first in range(0, len(self), size)]

        def walked(share: slice) -> ImagePaths:
            with torch.inference_mode():  # holds for one thread only
                return self.some(share)._paths(started[share])

        return ImagePaths.join(in_parallel(walked, shares) if threads > 1 else [walked(share) for share in shares])

    def _paths(self, seeds: Tensor) -> ImagePaths:
        return read(self.walked(seeds), self.kernel)

    def walked(self, seeds: Tensor) -> Walk:
        """Walk all images at once from the classes ``seeds``, int64 ``(n,)``; leave on the device what is there."""
        layers = self._forward() if self.policy.is_forward else self._walk(seeds, _all)
        return Walk(self.logits, seeds, layers, self.averages)

    def followed(self, follow: Follow) -> ImagePaths:
        """Return paths from the predicted classes; after each step the walk goes on with what ``follow`` returns."""
        seeds = self.logits.argmax(1)
        return read(Walk(self.logits, seeds, self._walk(seeds, follow)), self.kernel)

    def _forward(self) -> tuple[LayerPath | Unread, ...]:
        """Take every layer on its own: choose for its outputs that reach the layer's firing threshold."""
        layers = []
        for step in self.plan.weighted:
            over = self.values[step.y] >= self.policy.firing[step.layer.name]
            layers.append(step.choose(self.kernel, self.values, over, self.policy).layer)
        return tuple(layer for layer in layers if layer is not None)

    def _walk(self, seeds: Tensor, follow: Follow) -> tuple[LayerPath | Unread, ...]:
        """Walk from the logits to the input; ``wanted`` holds the units that later steps chose.

        A mask has the shape of its activation, in whatever memory layout the kernel gave it.
        """
        seeded = torch.zeros_like(self.logits, dtype=torch.bool).scatter_(1, seeds[:, None], True)
        wanted: dict[str, Tensor] = {self.plan.output: seeded}
        layers: list[LayerPath | Unread] = []
        for step in reversed(self.plan.steps):
            mask = wanted.pop(step.y, None)
            if mask is None:  # nothing after this step wants anything of it
                mask = seeded.new_zeros((len(self), *self.plan.shapes[step.y]))
            passed = step.choose(self.kernel, self.values, mask, self.policy)
            if passed.layer is not None:
                layers.append(passed.layer)
            shaped = [(name, chosen.reshape(len(self), *self.plan.shapes[name])) for name, chosen in passed.chosen]
            for name, chosen in follow(step, mask, shaped):
                # Several steps may read one activation: a unit that any of them wants is wanted.
                wanted[name] = wanted[name] | chosen if name in wanted else chosen
        return tuple(reversed(layers))
