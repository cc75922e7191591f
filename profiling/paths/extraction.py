"""Extract effective paths: run the network once, recorded, then walk its steps backwards.

A forward path takes every weighted layer on its own instead (``Policy.firing``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from models.network import Network, canonical_json
from profiling.errors import OptionsError
from profiling.paths import attention, routing
from profiling.paths.geometry import Attend, Geometry, Maximum, Mean, Movement, Same, Sum, Weighted
from profiling.paths.kernels import Kernel, kernel_named
from profiling.paths.path import ImagePaths, Indices, LayerPath, Layout, Members
from profiling.paths.plan import Plan, plan
from profiling.paths.policy import Policy, Selection


@dataclass(frozen=True)
class Extractor:
    """Extracts the paths of images through one network. It holds no state of a run: share it freely.

    Attributes:
        batch_size: images that are recorded and walked at once; bounds the memory.
    """

    network: Network
    policy: Policy = field(default_factory=Policy)
    kernel: Kernel = field(default_factory=kernel_named)
    batch_size: int = 32

    @cached_property
    def plan(self) -> Plan:
        whole = plan(self.network)
        covered = whole.last(self.policy.layers)
        self.policy.check_layers(whole.layout.names, covered.layout.names)
        return covered.apart() if self.policy.is_forward else covered

    @cached_property
    def selections(self) -> Mapping[str, Selection]:
        """How each weighted layer chooses, by name."""
        return {name: self.policy.at(name) for name in self.layout.names}

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
        """Return the paths of pixels ``n c h w`` in [0, 1].

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
        starts = range(0, len(pixels), self.batch_size)
        return ImagePaths.join([self._batch(pixels[s : s + self.batch_size], rank, seeds, s) for s in starts])

    def _check(self, pixels: Tensor) -> None:
        expected = self.network.preprocessing.input_shape
        if tuple(pixels.shape[1:]) != expected:
            raise OptionsError(f"pixels have shape {tuple(pixels.shape)}; (n, {', '.join(map(str, expected))}) fits.")
        if not bool(torch.isfinite(pixels).all()):
            raise OptionsError("pixels are not finite; every value must be a number in [0, 1].")

    def _batch(self, pixels: Tensor, rank: int, seeds: Indices | None, start: int) -> ImagePaths:
        with torch.inference_mode():
            values = self.network.graph.record(self.network.preprocessing.normalise(pixels), self.plan.recorded)
            values = {name: self.plan.axes[name].images_first(value) for name, value in values.items()}
            logits = values[self.plan.output]
            chosen = logits.argsort(dim=1, descending=True, stable=True)[:, rank - 1]
            if seeds is not None:
                chosen = torch.from_numpy(seeds[start : start + len(pixels)]).to(logits.device)
            layers = self._forward(values) if self.policy.is_forward else self._walk(values, chosen)
        return ImagePaths(logits.cpu().numpy(), chosen.cpu().numpy(), layers)

    def _forward(self, values: Mapping[str, Tensor]) -> tuple[LayerPath, ...]:
        """Take every layer on its own: what its outputs over the threshold choose."""
        layers = []
        for step in self.plan.weighted:
            neurons = self.kernel.members(values[step.y] >= self.policy.firing[step.layer.name])
            layers.append(self._choose(step, values, neurons)[0])
        return tuple(layers)

    def _walk(self, values: Mapping[str, Tensor], seeds: Tensor) -> tuple[LayerPath, ...]:
        """Walk from the logits to the input; ``wanted`` holds the units that later steps chose.

        A mask has the shape of its activation, in whatever memory layout the kernel gave it.
        """
        logits = values[self.plan.output]
        seeded = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, seeds[:, None], True)
        wanted: dict[str, Tensor] = {self.plan.output: seeded}
        layers: list[LayerPath] = []
        for step in reversed(self.plan.steps):
            shape = (len(logits), *self.plan.shapes[step.y])
            mask = wanted.pop(step.y, None)
            if mask is None:  # nothing after this step wants anything of it
                mask = torch.zeros(shape, dtype=torch.bool, device=logits.device)
            for name, chosen in self._pass(step, values, mask, layers):
                chosen = chosen.reshape(len(logits), *self.plan.shapes[name])
                # The one place where the consumers of a tensor meet: wanted by any, wanted.
                wanted[name] = wanted[name] | chosen if name in wanted else chosen
        return tuple(reversed(layers))

    def _pass(
        self, step: Geometry, values: Mapping[str, Tensor], mask: Tensor, layers: list[LayerPath]
    ) -> list[tuple[str, Tensor]]:
        """Return the chosen inputs of one step; a weighted one is also entered in ``layers``."""
        match step:
            case Weighted():
                layer, inputs = self._choose(step, values, self.kernel.members(mask))
                layers.append(layer)
                return [(step.x, inputs)]
            case Mean():
                neurons = self.kernel.members(mask)
                return [(step.x, self.kernel.mean(step, values[step.x], values[step.y], neurons, self.policy.between))]
            case Maximum():
                return [(step.x, self.kernel.maximum(step, values[step.x], self.kernel.members(mask)))]
            case Sum():
                operands = values[step.operands[0]], values[step.operands[1]]
                chosen = routing.add(step, operands, values[step.y], mask, self.policy)
                return list(zip(step.operands, chosen, strict=True))
            case Movement():
                return list(zip(step.inputs, routing.movement(step, mask), strict=True))
            case Same():
                return [(name, mask if step.sure else routing.same(values[step.y], mask)) for name in step.inputs]
            case Attend():
                return [(step.x, attention.attend(step, values, mask, self.policy.between))]

    def _choose(self, step: Weighted, values: Mapping[str, Tensor], neurons: Members) -> tuple[LayerPath, Tensor]:
        """Return the path through one weighted layer, and its chosen inputs."""
        selection = self.selections[step.layer.name]
        choice = self.kernel.weighted(step, values[step.x], values.get(step.y), neurons, selection)
        counts = choice.synapses, choice.unexplained, choice.coherence
        return LayerPath(step.layer, neurons, choice.weights, *counts, choice.synapse_ids), choice.inputs
