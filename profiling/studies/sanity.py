"""Do paths carry the prediction? Accuracy without a path's synapses, and with only those (Qiu et al. 2019, section 2).

The last weighted layer stays whole. A path has only the synapses of the predicted class there, so keeping only
those would predict this class whatever came before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels.weighing import bias_of, ends
from pathprint.profiling.paths.path import Members, Sets
from pathprint.profiling.paths.plan import Plan
from pathprint.profiling.paths.steps.weighted import Weighted
from pathprint.profiling.progress import track
from pathprint.profiling.studies.defaults import SANITY_THETAS

RUNS = {"path removed": False, "random removed": False, "path kept": True, "random kept": True}
"""By the name of a run: True if the chosen synapses are the only ones kept, False if they are removed."""
_CHUNK = 32

Chosen = Mapping[str, Sets]
"""The synapses to remove or keep, by layer."""


@dataclass(frozen=True, slots=True)
class Point:
    """Predictions at one theta.

    Attributes:
        share: mean share of a layer's synapses that are in the path.
        unchanged: share of images with the whole network's prediction, by run.
        right: share of images that are predicted correctly, by run.
    """

    theta: float
    share: float
    unchanged: dict[str, float]
    right: dict[str, float]


@dataclass(frozen=True, slots=True)
class Sanity:
    """Predictions without paths and with paths only, over theta.

    Attributes:
        images: number of images.
        accuracy: accuracy of the whole network on these images.
        layers: the layers in which synapses were removed or kept.
    """

    images: int
    accuracy: float
    layers: tuple[str, ...]
    points: tuple[Point, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the curves as JSON-able data."""
        return asdict(self)


def sanity(
    extractor: Extractor, pixels: Tensor, labels: Indices, thetas: Sequence[float] = SANITY_THETAS, seed: int = 0
) -> Sanity:
    """Return predictions after removing each image's path, and after keeping only its path.

    Args:
        pixels: images ``n c h w``; ``labels`` their classes, ``(n,)``.
        seed: of the random sets to compare with. They have as many synapses per image and layer as the path, and
            only synapses whose input is not zero, because removing others would change nothing.
    """
    generator = torch.Generator().manual_seed(seed)
    before = extractor.network.predict(pixels).numpy()
    points = []
    for theta in thetas:
        at = replace(extractor, policy=replace(extractor.policy, theta=theta, synapses=True))
        chunks = track(torch.split(pixels, _CHUNK), f"removing and keeping paths, theta {theta:g}", len)
        parts = [_chunk(at, chunk, generator) for chunk in chunks]
        answers = {run: np.concatenate([part[run] for part, _ in parts]) for run in RUNS}
        unchanged = {run: float((answer == before).mean()) for run, answer in answers.items()}
        right = {run: float((answer == labels).mean()) for run, answer in answers.items()}
        share = float(np.concatenate([shares for _, shares in parts]).mean())
        points.append(Point(theta, share, unchanged, right))
    accuracy = float((before == labels).mean())
    return Sanity(len(pixels), accuracy, tuple(extractor.layout.names[:-1]), tuple(points))


def _chunk(extractor: Extractor, pixels: Tensor, generator: torch.Generator) -> tuple[dict[str, Indices], Floats]:
    """Return the predictions of each run, and the share of synapses in the path for each layer and image."""
    layers = extractor.extract(pixels).layers[:-1]
    path = {layer.shape.name: layer.members("synapses") for layer in layers}
    drawn = random_like(extractor, pixels, path, generator)
    chosen = {"path": path, "random": drawn}
    logits = {run: altered(extractor, pixels, chosen[run.split()[0]], keep) for run, keep in RUNS.items()}
    answers = {run: found.argmax(1).numpy() for run, found in logits.items()}
    return answers, np.concatenate([members.counts / members.size for members in path.values()])


def altered(extractor: Extractor, pixels: Tensor, chosen: Chosen, keep: bool) -> Tensor:
    """Return the logits ``n k`` of the network without the ``chosen`` synapses, or with only those if ``keep``.

    Layers that ``chosen`` does not name stay whole. Biases always stay, because they are not synapses.
    """
    network, plan = extractor.network, extractor.plan
    with torch.inference_mode():
        changes = {
            step.y: partial(_changed, step, plan, chosen[step.layer.name], keep)
            for step in plan.weighted
            if step.layer.name in chosen
        }
        return network.graph.record(network.preprocessing.normalise(pixels), (), changes)[plan.output]


def _changed(step: Weighted, plan: Plan, chosen: Sets, keep: bool, y: Tensor, read: Mapping[str, Any]) -> Tensor:
    """Return a layer's outputs without the chosen synapses, or with only those if ``keep``."""
    x = plan.axes[step.x].images_first(read[step.x]).flatten(1)
    y = plan.axes[step.y].images_first(y)
    image, synapse = torch.from_numpy(chosen.images), torch.from_numpy(chosen.indices)
    unit = synapse // step.layer.fan_in
    source, weight = ends(step, unit, synapse % step.layer.fan_in)
    contributions = x[image, source].double() * step.weight.reshape(-1)[weight]
    sums = torch.zeros(len(y), y[0].numel(), dtype=torch.float64).index_put_((image, unit), contributions, True)
    biases = bias_of(step, torch.arange(sums.shape[1]))
    after = (biases + sums).reshape(y.shape) if keep else y - sums.reshape(y.shape)
    return plan.axes[step.y].put_back(after.to(y.dtype))


def random_like(extractor: Extractor, pixels: Tensor, path: Chosen, generator: torch.Generator) -> Chosen:
    """Return random sets with as many synapses per image and layer as the path."""
    network, plan = extractor.network, extractor.plan
    steps = [step for step in plan.weighted if step.layer.name in path]
    with torch.inference_mode():
        values = network.graph.record(network.preprocessing.normalise(pixels), [step.x for step in steps])
        drawn = {}
        for step in steps:
            inputs, members = plan.axes[step.x].images_first(values[step.x]).flatten(1), path[step.layer.name]
            sets = [_drawn(step, x, int(n), generator) for x, n in zip(inputs, members.counts, strict=True)]
            drawn[step.layer.name] = Members.stack(sets, members.size)
    return drawn


def _drawn(step: Weighted, x: Tensor, count: int, generator: torch.Generator) -> Indices:
    """Return ``count`` different synapses whose input is not zero; the path has this many, so they exist."""
    size = step.layer.size("synapses")
    found = np.zeros(0, dtype=np.int64)
    while len(found) < count:
        tried = torch.randint(size, (4 * count + 1024,), generator=generator)
        source, _ = ends(step, tried // step.layer.fan_in, tried % step.layer.fan_in)
        tried = tried[(source >= 0) & (x[source.clamp(min=0)] != 0)]
        found = np.union1d(found, tried.numpy())
    drawn: Indices = found[torch.randperm(len(found), generator=generator)[:count].numpy()]
    return drawn
