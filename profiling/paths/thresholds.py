"""Set absolute thresholds so that they choose as many synapses as cumulative paths do (docs/method.md, variants).

They are set layer by layer in one walk over all calibration images: each for the units that the
layers after it, whose thresholds are set already, want.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
from torch import Tensor

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import Kernel
from pathprint.profiling.paths.kernels.weighing import weighed
from pathprint.profiling.paths.path import ImagePaths, LayerPath, Members, Unread
from pathprint.profiling.paths.policy import Policy, Selection
from pathprint.profiling.paths.steps.weighted import Weighted


def calibrated(extractor: Extractor, pixels: Tensor, absolute: Collection[str] = (), forward: bool = False) -> Policy:
    """Return the extractor's policy with thresholds from clean images.

    Args:
        pixels: clean images ``n c h w``; all are walked at once, so ``n`` bounds the memory.
        absolute: names of the layers that are to choose absolutely; the others stay cumulative.
        forward: whether the policy is to be that of a forward path, which takes every layer on its own.

    Raises:
        OptionsError: ``absolute`` names a layer that the path does not cover.
    """
    policy = replace(extractor.policy, phi={}, firing={}, synapses=False)
    walk = replace(extractor, policy=policy, batch_size=len(pixels))
    strange = sorted(set(absolute).difference(walk.layout.names))
    if strange:
        raise OptionsError(f"{', '.join(strange)} cannot choose absolutely: not among the layers of this path.")
    usual = walk.extract(pixels)
    if forward:
        policy = replace(policy, firing=_firing(walk, pixels, usual))
    wanted = {layer.shape.name: int(layer.synapses.sum()) for layer in usual.layers if layer.shape.name in absolute}
    kernel = _Adjusting(walk.chooser, wanted)
    replace(walk, policy=policy, kernel=cast("Kernel", kernel)).extract(pixels)
    return replace(policy, phi=kernel.phi, synapses=extractor.policy.synapses)


def _firing(extractor: Extractor, pixels: Tensor, usual: ImagePaths) -> dict[str, float]:
    """Return each layer's output threshold that as many units reach as the ``usual`` paths contain."""
    network, plan = extractor.network, extractor.plan
    with torch.inference_mode():
        outputs = network.graph.record(network.preprocessing.normalise(pixels), [step.y for step in plan.weighted])
    units = {layer.shape.name: int(layer.neurons.counts.sum()) for layer in usual.layers}
    return {
        step.layer.name: _between(
            _largest(outputs[step.y].double(), units[step.layer.name] + 1), units[step.layer.name]
        )
        for step in plan.weighted
    }


@dataclass
class _Adjusting:
    """A kernel that sets the phi of each layer just before it chooses there; for one batch.

    Attributes:
        wanted: number of synapses to choose, by layer.
        phi: the thresholds set so far.
    """

    kernel: Kernel
    wanted: Mapping[str, int]
    phi: dict[str, float] = field(default_factory=dict)
    name: str = "adjusting"
    threads: bool = False

    def __getattr__(self, name: str) -> Any:
        """Leave every other kind of step to the wrapped kernel."""
        return getattr(self.kernel, name)

    def weighted(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath | Unread, Tensor]:
        layer = step.layer.name
        if layer in self.wanted:
            units = Members.of(wanted.reshape(len(wanted), -1).cpu().numpy())
            best = torch.zeros(0, dtype=torch.float64, device=x.device)
            for i in range(len(x)):
                for some in weighed(step, x[i], None if y is None else y[i], units.one(i)):
                    best = _largest(torch.cat([best, some.signed.reshape(-1)]), self.wanted[layer] + 1)
            self.phi[layer] = _between(best, self.wanted[layer])
            selection = replace(selection, phi=self.phi[layer])
        return self.kernel.weighted(step, x, y, wanted, selection)


def _largest(values: Tensor, count: int) -> Tensor:
    """Return the ``count`` largest positive values, or all if there are fewer; descending."""
    positive = values[values > 0]
    return positive.topk(min(count, len(positive))).values


def _between(largest: Tensor, count: int) -> float:
    """Return a threshold that ``count`` of some values reach: midway between two, so that rounding changes nothing.

    Args:
        largest: the ``count + 1`` largest values, descending; if there are fewer, all reach the
            threshold. If the last two are equal, both reach it.
    """
    if not len(largest):
        return 1.0
    if count == 0:
        return float(2 * largest[0])
    following = float(largest[count]) if count < len(largest) else 0.0
    return (float(largest[min(count, len(largest)) - 1]) + following) / 2
