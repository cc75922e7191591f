"""Do paths carry the answer? Accuracy without a path's synapses, and with nothing else (Qiu et al. 2019, section 2).

The last weighted layer is left whole: of it a path has only the synapses of the predicted class, so
keeping these alone would give that answer whatever came before.
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
from pathprint.profiling.paths.path import Members
from pathprint.profiling.paths.plan import Plan
from pathprint.profiling.paths.steps.weighted import Weighted
from pathprint.profiling.progress import track
from pathprint.profiling.studies.defaults import SANITY_THETAS

RUNS = {"path removed": False, "random removed": False, "path kept": True, "random kept": True}
"""What is done, and whether the chosen synapses are kept or removed."""
_CHUNK = 32

Chosen = Mapping[str, Members]
"""The synapses to remove or keep, by layer."""


@dataclass(frozen=True, slots=True)
class Point:
    """What became of the answers at one theta.

    Attributes:
        share: mean share of a layer's synapses that the path has.
        unchanged: share of images that are still answered as by the whole network, per run.
        right: share of images that are answered correctly, per run.
    """

    theta: float
    share: float
    unchanged: dict[str, float]
    right: dict[str, float]


@dataclass(frozen=True, slots=True)
class Sanity:
    """The curves over theta.

    Attributes:
        accuracy: of the whole network on these images.
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
    """Return what removing and keeping paths does to the answers to images ``n c h w``.

    Args:
        seed: of the random sets, which have as many synapses per image and layer as the path, drawn
            among those whose input is not zero: others would be no loss.
    """
    generator = torch.Generator().manual_seed(seed)
    before = extractor.network.predict(pixels).numpy()
    points = []
    for theta in track(list(thetas), "removing and keeping paths"):
        at = replace(extractor, policy=replace(extractor.policy, theta=theta, synapses=True))
        parts = [_chunk(at, chunk, generator) for chunk in torch.split(pixels, _CHUNK)]
        answers = {run: np.concatenate([part[run] for part, _ in parts]) for run in RUNS}
        unchanged = {run: float((answer == before).mean()) for run, answer in answers.items()}
        right = {run: float((answer == labels).mean()) for run, answer in answers.items()}
        share = float(np.concatenate([shares for _, shares in parts]).mean())
        points.append(Point(theta, share, unchanged, right))
    accuracy = float((before == labels).mean())
    return Sanity(len(pixels), accuracy, tuple(extractor.layout.names[:-1]), tuple(points))


def _chunk(extractor: Extractor, pixels: Tensor, generator: torch.Generator) -> tuple[dict[str, Indices], Floats]:
    """Return the answers of each run, and the share of synapses in the path of each layer and image."""
    layers = extractor.extract(pixels).layers[:-1]
    path = {layer.shape.name: layer.members("synapses") for layer in layers}
    drawn = random_like(extractor, pixels, path, generator)
    chosen = {"path": path, "random": drawn}
    logits = {run: altered(extractor, pixels, chosen[run.split()[0]], keep) for run, keep in RUNS.items()}
    answers = {run: found.argmax(1).numpy() for run, found in logits.items()}
    return answers, np.concatenate([members.counts / members.size for members in path.values()])


def altered(extractor: Extractor, pixels: Tensor, chosen: Chosen, keep: bool) -> Tensor:
    """Return the logits ``n k`` of the network without the ``chosen`` synapses, or with no others.

    In a layer that ``chosen`` does not name all synapses stay. Biases always stay: they are none.
    """
    network, plan = extractor.network, extractor.plan
    with torch.inference_mode():
        changes = {
            step.y: partial(_changed, step, plan, chosen[step.layer.name], keep)
            for step in plan.weighted
            if step.layer.name in chosen
        }
        return network.graph.record(network.preprocessing.normalise(pixels), (), changes)[plan.output]


def _changed(step: Weighted, plan: Plan, chosen: Members, keep: bool, y: Tensor, read: Mapping[str, Any]) -> Tensor:
    """Return the outputs of a layer without the chosen synapses, or with no others."""
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
    """Return random sets of as many synapses as the path has, per image and layer."""
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
    """Return ``count`` different synapses with an input that is not zero; the path has as many, so they exist."""
    size = step.layer.size("synapses")
    found = np.zeros(0, dtype=np.int64)
    while len(found) < count:
        tried = torch.randint(size, (4 * count + 1024,), generator=generator)
        source, _ = ends(step, tried // step.layer.fan_in, tried % step.layer.fan_in)
        tried = tried[(source >= 0) & (x[source.clamp(min=0)] != 0)]
        found = np.union1d(found, tried.numpy())
    drawn: Indices = found[torch.randperm(len(found), generator=generator)[:count].numpy()]
    return drawn
