"""Extract effective paths: run the network once, recorded, then walk its steps backwards.

A forward path takes every weighted layer on its own instead (``Policy.firing``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from pathprint.models.network import Network, canonical_json
from pathprint.profiling.arrays import Indices
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.kernels import Kernel, kernel_named
from pathprint.profiling.paths.kernels.precision import full_precision
from pathprint.profiling.paths.path import ImagePaths, LayerPath, Layout
from pathprint.profiling.paths.plan import Plan, plan
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.step import Chosen, Step
from pathprint.profiling.threads import in_parallel

_RECORDED = 1 << 28
"""Bytes of activations that are held at once."""
_MOST = 64
_ROOM = 1 << 32

Follow = Callable[[Step, Tensor, Chosen], Chosen]
"""Makes what the walk goes on with, of a step, the wanted units of its output, and the units that it chose."""


def _all(step: Step, mask: Tensor, chosen: Chosen) -> Chosen:
    return chosen


@dataclass(frozen=True)
class Extractor:
    """Extracts the paths of images through one network. It holds no state of a run: share it freely.

    Attributes:
        kernel: None for the fastest one on the network's device.
        batch_size: images that are recorded at once; 0 for as many as keep the recorded activations
            within ``_RECORDED`` bytes, which bounds the memory and spares the caches.
    """

    network: Network
    policy: Policy = field(default_factory=Policy)
    kernel: Kernel | None = None
    batch_size: int = 0

    @cached_property
    def plan(self) -> Plan:
        whole = plan(self.network)
        covered = whole.last(self.policy.layers)
        self.policy.check_layers(whole.layout.names, covered.layout.names)
        return covered.apart() if self.policy.is_forward else covered

    @cached_property
    def chooser(self) -> Kernel:
        """The kernel, whether given or picked."""
        return kernel_named("auto", self.network.device) if self.kernel is None else self.kernel

    @property
    def layout(self) -> Layout:
        """The weighted layers that every path records, in forward order."""
        return self.plan.layout

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the network and the options: paths are comparable only if it is equal.

        Whether synapses are listed does not count: the same ones are chosen.
        """
        options = replace(self.policy, synapses=False).to_dict()
        return hashlib.sha256(canonical_json([self.network.fingerprint, options])).hexdigest()

    def extract(self, pixels: Tensor, rank: int = 1, seeds: Indices | None = None) -> ImagePaths:
        """Return the paths of pixels ``n c h w`` in [0, 1], on whatever device they are.

        Args:
            rank: start at the logit of the predicted class (1), the runner-up (2), and so on.
            seeds: start at these classes instead, ``(n,)``. A forward path starts nowhere.

        Raises:
            OptionsError: the pixels do not fit the network or are not finite, or the policy does
                not fit the network.
        """
        self._check(pixels)
        if len(pixels) == 0:
            raise OptionsError("no images were given; at least one is needed.")
        size = self.batch_size or self._affordable
        starts = range(0, len(pixels), size)
        return ImagePaths.join([self._batch(pixels[s : s + size], rank, seeds, s) for s in starts])

    def walk(self, pixels: Tensor, follow: Follow) -> ImagePaths:
        """Walk from the predicted classes of pixels ``n c h w``, going on at each step with what ``follow`` says.

        All images are walked at once, on one thread.

        Raises:
            OptionsError: as ``extract``; or the path is a forward one, which is no walk.
        """
        self._check(pixels)
        if self.policy.is_forward:
            raise OptionsError("a forward path takes every layer on its own; there is no walk to follow.")
        with torch.inference_mode():
            values = self._recorded(pixels)
            logits = values[self.plan.output]
            seeds = logits.argmax(1)
            return ImagePaths(logits.cpu().numpy(), seeds.cpu().numpy(), self._walk(values, seeds, follow))

    @cached_property
    def _affordable(self) -> int:
        """How many images are recorded at once: a power of two, for even shares of the threads."""
        per_image = 4 * sum(prod(self.plan.shapes[name]) for name in self.plan.recorded)
        # The kernel asks for room for every weight of every image, though it fills little of it.
        largest = max(step.weight.numel() for step in self.plan.weighted)
        return int(min(_MOST, max(1, _ROOM // (8 * largest)), 1 << max(0, (_RECORDED // per_image).bit_length() - 1)))

    def _check(self, pixels: Tensor) -> None:
        expected = self.network.preprocessing.input_shape
        if tuple(pixels.shape[1:]) != expected:
            raise OptionsError(f"pixels have shape {tuple(pixels.shape)}; (n, {', '.join(map(str, expected))}) fits.")
        # A sum is several times faster than a look at every value, and not finite if one is not.
        if not bool(torch.isfinite(pixels.sum())) and not bool(torch.isfinite(pixels).all()):
            raise OptionsError("pixels are not finite; every value must be a number in [0, 1].")

    def _batch(self, pixels: Tensor, rank: int, seeds: Indices | None, start: int) -> ImagePaths:
        with torch.inference_mode():
            values = self._recorded(pixels)
            logits = values[self.plan.output]
            chosen = logits.argsort(dim=1, descending=True, stable=True)[:, rank - 1]
            if seeds is not None:
                chosen = torch.from_numpy(seeds[start : start + len(pixels)]).to(logits.device)
            return ImagePaths.join(self._in_parts(values, chosen))

    def _recorded(self, pixels: Tensor) -> dict[str, Tensor]:
        """Run once; return the activations that the walk looks at, images first."""
        x = self.network.preprocessing.normalise(pixels.to(self.network.device))
        with full_precision(x.device):
            values = self.network.graph.record(x, self.plan.recorded)
        return {name: self.plan.axes[name].images_first(value) for name, value in values.items()}

    def _in_parts(self, values: Mapping[str, Tensor], seeds: Tensor) -> list[ImagePaths]:
        """Walk equal shares of the images on as many threads as torch may use."""
        threads = torch.get_num_threads() if self.chooser.threads else 1
        size = -(-len(seeds) // threads)

        def part(first: int) -> ImagePaths:
            with torch.inference_mode():  # holds for one thread only
                some = {name: value[first : first + size] for name, value in values.items()}
                layers = (
                    self._forward(some) if self.policy.is_forward else self._walk(some, seeds[first : first + size])
                )
                return ImagePaths(
                    some[self.plan.output].cpu().numpy(), seeds[first : first + size].cpu().numpy(), layers
                )

        starts = range(0, len(seeds), size)
        return in_parallel(part, starts) if self.chooser.threads else [part(first) for first in starts]

    def _forward(self, values: Mapping[str, Tensor]) -> tuple[LayerPath, ...]:
        """Take every layer on its own: what its outputs over the threshold choose."""
        layers = []
        for step in self.plan.weighted:
            over = values[step.y] >= self.policy.firing[step.layer.name]
            layers.append(step.choose(self.chooser, values, over, self.policy).layer)
        return tuple(layer for layer in layers if layer is not None)

    def _walk(self, values: Mapping[str, Tensor], seeds: Tensor, follow: Follow = _all) -> tuple[LayerPath, ...]:
        """Walk from the logits to the input; ``wanted`` holds the units that later steps chose.

        A mask has the shape of its activation, in whatever memory layout the kernel gave it.
        """
        logits = values[self.plan.output]
        seeded = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, seeds[:, None], True)
        wanted: dict[str, Tensor] = {self.plan.output: seeded}
        layers: list[LayerPath] = []
        for step in reversed(self.plan.steps):
            mask = wanted.pop(step.y, None)
            if mask is None:  # nothing after this step wants anything of it
                mask = torch.zeros((len(logits), *self.plan.shapes[step.y]), dtype=torch.bool, device=logits.device)
            passed = step.choose(self.chooser, values, mask, self.policy)
            if passed.layer is not None:
                layers.append(passed.layer)
            shaped = [(name, chosen.reshape(len(logits), *self.plan.shapes[name])) for name, chosen in passed.chosen]
            for name, chosen in follow(step, mask, shaped):
                # The one place where the consumers of a tensor meet: wanted by any, wanted.
                wanted[name] = wanted[name] | chosen if name in wanted else chosen
        return tuple(reversed(layers))
