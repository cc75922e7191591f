"""First way to evade: ascend towards a wrong answer whose effective path looks like that of its class.

The path is piecewise constant and has no useful gradient, so a surrogate gives one. Which units are on the path
comes from the true extraction; how that changes comes from a soft top-k of the activations (straight-through
estimator, Athalye et al. 2018). The test-time views that a detector asks about are differentiable, and they have to be
answered wrongly too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Indices
from pathprint.profiling.attacks.ball import lengths
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.features.views import VIEWS
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures.counts import key

_TINY = 1e-12


def direction(detector: Detector, labels: Tensor, weight: float, lead: float, made: Tensor) -> Tensor:
    """Return the direction of the next step from pixels ``made``, ``n c h w``.

    It is the unit direction towards a wrong answer plus ``weight`` times the unit direction towards a likely path.

    Args:
        labels: right classes, ``(n,)``.
        weight: of the path; 0 leaves it out, and the direction is not scaled to length 1.
        lead: logits by which the wrong answer should lead; once it does, it no longer counts.
    """
    graph = detector.network.graph
    layers = {node.layer: node for node in graph.weighted}
    paths = detector.extractor.extract(made) if weight else None
    leaf = made.detach().requires_grad_()
    with torch.enable_grad():
        values = graph.record(detector.network.preprocessing.normalise(leaf), [node.name for node in layers.values()])
        goals = goals_of(detector, labels)
        margins = [behind(logits, goals).add(lead).clamp(min=0) for logits in answers(detector, leaf, values)]
        (error,) = torch.autograd.grad(-torch.stack(margins).sum(), leaf, retain_graph=True)
        if paths is None:
            return error
        outputs = {layer: values[node.name] for layer, node in layers.items()}
        likeness = _likeness(detector, paths, outputs, labels.numpy())
        (similar,) = torch.autograd.grad(likeness.sum(), leaf)
    return unit(error) + weight * unit(similar)


def answers(detector: Detector, leaf: Tensor, values: Mapping[str, Tensor]) -> list[Tensor]:
    """Return logits ``n k`` of the images, and of each test-time view of them that the detector asks about.

    Args:
        leaf: pixels ``n c h w``.
        values: recorded values of the network's graph for these pixels, its output among them.
    """
    seen = [VIEWS[view].change(leaf) for view in detector.views]
    return [values[detector.network.graph.output], *map(detector.network.logits, seen)]


def goals_of(detector: Detector, labels: Tensor) -> Tensor:
    """Return which classes are wrong answers on which the detector gives verdicts, bool ``(n, k)``."""
    goals = torch.zeros(len(labels), len(detector.network.labels), dtype=torch.bool)
    goals[:, torch.from_numpy(detector.judged)] = True
    return goals.scatter(1, labels[:, None], False)


def behind(logits: Tensor, goals: Tensor) -> Tensor:
    """Return the largest logit outside ``goals`` minus the largest within, ``(n,)``; below 0 a goal leads."""
    goal, other = (logits.masked_fill(rows, -torch.inf).amax(1) for rows in (~goals, goals))
    return other - goal


def _likeness(detector: Detector, paths: ImagePaths, outputs: dict[str, Tensor], labels: Indices) -> Tensor:
    """Return by how much each path speaks for the predicted class rather than the right one, ``(n,)``.

    It is the sum over layers of the mean over the path's units of log p(unit | predicted) - log p(unit | label).
    The detector's frequency and vote features rise with it.
    """
    votes = torch.zeros(len(paths))
    for layer in paths.layers:
        output = outputs.get(layer.shape.name)
        if output is None or tuple(output.shape[1:]) != layer.shape.neurons:
            continue  # some attention layers do not keep images in the first dimension; they are left out
        given, right = (log_frequency(detector, key(layer.shape, "neurons"), c) for c in (paths.seeds, labels))
        member = straight_through(output.flatten(1), torch.from_numpy(layer.neurons.mask()))
        votes = votes + (member * (given - right)).sum(1) / member.detach().sum(1).clamp(min=1)
    return votes


def log_frequency(detector: Detector, name: str, classes: Indices) -> Tensor:
    """Return log p(unit | class) of each unit for each image's class in ``classes``, ``(n, units)``."""
    rows = detector.signatures.rows(classes)
    return torch.from_numpy(detector.maker.lookup.log_frequency_of(name, rows)).float()


def straight_through(output: Tensor, path: Tensor) -> Tensor:
    """Return the path's membership ``(n, units)`` with the gradient of a soft top-k of \\|output\\|, k = \\|path\\|."""
    soft = soft_top(output, path.sum(1))
    return path.to(output.dtype) + soft - soft.detach()


def soft_top(output: Tensor, counts: Tensor) -> Tensor:
    """Return how far each unit is among the ``counts`` largest \\|output\\| of its image, in (0, 1), ``(n, units)``."""
    size = output.abs()
    numbers, last = size.detach().cpu().numpy(), output.shape[1] - counts.clamp(min=1)
    least = [np.partition(row, place)[place] for row, place in zip(numbers, last.tolist(), strict=True)]
    away = size - torch.tensor(np.array(least), device=size.device)[:, None]
    return torch.sigmoid(away / size.detach().std(1, keepdim=True).clamp(min=_TINY))


def unit(gradient: Tensor) -> Tensor:
    """Return each image of a gradient at length 1."""
    return gradient / lengths(gradient).clamp(min=_TINY)
