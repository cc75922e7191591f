"""Extract effective paths: run the network once, recorded, then walk its steps backwards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from pathprint.models.network import Network, canonical_json, check_range
from pathprint.profiling.arrays import Indices
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.kernels import Kernel, kernel_named
from pathprint.profiling.paths.kernels.interface import Walked
from pathprint.profiling.paths.kernels.precision import full_precision
from pathprint.profiling.paths.path import ImagePaths, Layout, Walk
from pathprint.profiling.paths.plan import Plan, plan
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.recording import Follow, Recording, read
from pathprint.profiling.threads import on_one_thread_each

_RECORDED = 1 << 28
"""Bytes of activations that are held at once, if that is an image for every thread."""
_RECORDED_FOR_THREADS = 1 << 30
"""Bytes of activations that are held at once, at most, to have an image for every thread."""
_RECORDED_ON_GPU = 1 << 33
"""The same on a GPU, which has no use for small batches: each costs it the time of starting every step."""
_MOST = 64
"""Images that are recorded at once, at most; on a CPU half of them, unless activations are small."""
_SMALL = 1 << 24
"""Bytes of activations that are small: to walk more images at once saves more time than memory."""
_ROOM = 1 << 32
"""Bytes that may be reserved for the lists of used weights."""


@dataclass(frozen=True)
class Extractor:
    """Extracts the paths of images through one network. It holds no state of a run: share it freely.

    Attributes:
        kernel: None for the fastest one on the network's device.
        batch_size: images that are recorded at once; 0 for as many as keep the recorded activations
            within ``_RECORDED`` bytes, which bounds the memory and spares the caches.
        averages: whether paths also have the averages that linear probes look at.
    """

    network: Network
    policy: Policy = field(default_factory=Policy)
    kernel: Kernel | None = None
    batch_size: int = 0
    averages: bool = False

    @cached_property
    def plan(self) -> Plan:
        """The steps that a path takes.

        Raises:
            UnsupportedOperationError, PlanError: the network has a step that cannot be traced.
            OptionsError: the policy does not fit the network.
        """
        whole = plan(self.network)
        covered = whole.last(self.policy.layers)
        self.policy.check_layers(whole.layout.names, covered.layout.names)
        found = covered.apart() if self.policy.is_forward else covered
        return found.averaging() if self.averages else found

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

        Whether synapses are listed does not count, as it changes nothing about what is chosen.
        """
        options = replace(self.policy, synapses=False).to_dict()
        return hashlib.sha256(canonical_json([self.network.fingerprint, options])).hexdigest()

    def extract(self, pixels: Tensor, rank: int = 1, seeds: Indices | None = None) -> ImagePaths:
        """Return the paths of pixels ``n c h w`` in [0, 1], on whatever device they are.

        Args:
            rank: start at the logit of the predicted class (1), the runner-up (2), and so on.
            seeds: start at these classes instead, ``(n,)``. A forward path ignores ``rank`` and ``seeds``.

        Raises:
            OptionsError: there are no images, or the policy does not fit the network.
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        """
        if rank == 1 and seeds is None and self._repeated is not None:
            return self._extracted_again(pixels, self._repeated)
        self._check(pixels)
        threads = torch.get_num_threads() if self.chooser.threads else 1
        at_once = self.batch_size or self._affordable

        def extracted(share: slice) -> ImagePaths:
            recording = self._record(pixels[share])
            return recording.paths(_started(recording.logits, rank, None if seeds is None else seeds[share]))

        # Threads are busiest with images of their own, whose activations stay in their caches.
        if threads > 1 and len(pixels) >= threads <= at_once:
            return ImagePaths.join(on_one_thread_each(extracted, _shares(len(pixels), threads, at_once // threads)))
        return ImagePaths.join([extracted(share) for share in _shares(len(pixels), 1, at_once)])

    def _extracted_again(self, pixels: Tensor, walked: Walked) -> ImagePaths:
        """Return the paths from the predicted classes, in a way that is fast where batches of one shape come often."""
        self._check(pixels)
        parts = torch.split(pixels, self.batch_size or self._affordable)
        return ImagePaths.join([read(walked(self._inputs(part)), self.chooser) for part in parts])

    @cached_property
    def _repeated(self) -> Walked | None:
        """Runs the network on its inputs and walks from the predicted classes; None if the kernel has no such way."""
        if self.policy.is_forward:
            return None

        def walked(x: Tensor) -> Walk:
            recording = self._run(x)
            return recording.walked(_started(recording.logits, 1, None))

        return self.chooser.repeated(self.plan.steps, self.policy, walked)

    def recorded(self, pixels: Tensor) -> Iterator[Recording]:
        """Run the network on pixels ``n c h w``; yield what it computed, as many images at a time as memory affords.

        Delete each recording before you ask for the next one, or both lie in memory while that is made.

        Raises:
            OptionsError: there are no images.
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        """
        self._check(pixels)
        for part in torch.split(pixels, self.batch_size or self._affordable):
            yield self._record(part)

    def walk(self, pixels: Tensor, follow: Follow) -> ImagePaths:
        """Walk from the predicted classes of pixels ``n c h w``, going on at each step with what ``follow`` says.

        All images are walked at once, on one thread.

        Raises:
            OptionsError: there are no images, or the path is a forward one, which is no walk.
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        """
        self._check(pixels)
        if self.policy.is_forward:
            raise OptionsError("a forward path takes every layer on its own; there is no walk to follow.")
        with torch.inference_mode():
            return self._record(pixels).followed(follow)

    @property
    def _affordable(self) -> int:
        """How many images are recorded at once: a power of two, for even shares of the threads."""
        recorded = _RECORDED if self.network.device.type == "cpu" else _RECORDED_ON_GPU
        if self.chooser.threads:
            for_threads = torch.get_num_threads() * self._recorded_per_image
            recorded = max(recorded, min(for_threads, _RECORDED_FOR_THREADS))
        fitting = recorded // self._recorded_per_image
        # The kernel asks for room for every weight of every image, though it fills little of it.
        largest = max(step.weight.numel() for step in self.plan.weighted)
        on_gpu = self.network.device.type != "cpu"
        most = _MOST if on_gpu or _MOST * self._recorded_per_image <= _SMALL else _MOST // 2
        return int(min(most, max(1, _ROOM // (8 * largest)), 1 << max(0, fitting.bit_length() - 1)))

    @cached_property
    def _recorded_per_image(self) -> int:
        """Bytes of the activations that are kept of one image."""
        return 4 * sum(prod(self.plan.shapes[name]) for name in self.plan.recorded)

    def _check(self, pixels: Tensor) -> None:
        if len(pixels) == 0:
            raise OptionsError("no images were given; at least one is needed.")
        self.network.check_form(pixels)
        check_range(pixels)

    def _record(self, pixels: Tensor) -> Recording:
        return self._run(self._inputs(pixels))

    def _inputs(self, pixels: Tensor) -> Tensor:
        """Return the network inputs of pixels, on the network's device."""
        return self.network.preprocessing.normalise(pixels.to(self.network.device))

    def _run(self, x: Tensor) -> Recording:
        """Run the network once on its inputs; keep the activations that the walk looks at, images first."""
        with torch.inference_mode():
            with full_precision(x.device):
                values = self.network.graph.record(x, self.plan.recorded)
            placed = {name: self.plan.axes[name].images_first(value) for name, value in values.items()}
            return Recording(self.plan, self.policy, self.chooser, placed)


def _shares(images: int, threads: int, most: int) -> list[slice]:
    """Return shares of at most ``most`` images, as even as possible, and as many for each thread."""
    turns = -(-images // (threads * most))
    size = -(-images // (threads * turns))
    return [slice(first, first + size) for first in range(0, images, size)]


def _started(logits: Tensor, rank: int, seeds: Indices | None) -> Tensor:
    """Return the class that each walk starts from."""
    if seeds is not None:
        return torch.from_numpy(seeds).to(logits.device)
    return logits.argsort(dim=1, descending=True, stable=True)[:, rank - 1]
