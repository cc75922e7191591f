"""Go towards a wrong answer along a path that looks like the answer's: ascent on a surrogate.

The path is piecewise constant, so its gradient is taken from a surrogate: which units are on the path
is read off the true walk, how that changes is taken from a soft top-k of the activations
(straight-through, Athalye et al. 2018). The views of a thorough detector are differentiable; they
have to be answered wrongly too.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    """Return where to go: the sum of two directions of length 1, the second ``weight`` times."""
    graph = detector.network.graph
    layers = {node.layer: node for node in graph.weighted}
    paths = detector.extractor.extract(made) if weight else None
    leaf = made.detach().requires_grad_()
    with torch.enable_grad():
        values = graph.record(detector.network.preprocessing.normalise(leaf), [node.name for node in layers.values()])
        goals = _goals(detector, labels)
        margins = [_behind(logits, goals).add(lead).clamp(min=0) for logits in answers(detector, leaf, values)]
        (error,) = torch.autograd.grad(-torch.stack(margins).sum(), leaf, retain_graph=True)
        if paths is None:
            return error
        outputs = {layer: values[node.name] for layer, node in layers.items()}
        likeness = _likeness(detector, paths, outputs, labels.numpy())
        (similar,) = torch.autograd.grad(likeness.sum(), leaf)
    return _unit(error) + weight * _unit(similar)


def answers(detector: Detector, leaf: Tensor, values: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the logits of the images, and of the views that a thorough detector compares them with."""
    views = VIEWS.values() if detector.thorough else ()
    return [values[detector.network.graph.output], *(detector.network.logits(view.change(leaf)) for view in views)]


def _goals(detector: Detector, labels: Tensor) -> Tensor:
    """Return the wrong answers of each image on which there are verdicts, ``(n, k)``."""
    goals = torch.zeros(len(labels), len(detector.network.labels), dtype=torch.bool)
    goals[:, torch.from_numpy(detector.judged)] = True
    return goals.scatter(1, labels[:, None], False)


def _behind(logits: Tensor, goals: Tensor) -> Tensor:
    """Return by how much the best goal is behind the best other answer, ``(n,)``; below 0 it leads."""
    goal, other = (logits.masked_fill(rows, -torch.inf).amax(1) for rows in (~goals, goals))
    return other - goal


def _likeness(detector: Detector, paths: ImagePaths, outputs: dict[str, Tensor], labels: Indices) -> Tensor:
    """Return by how much each path votes for the answer given rather than the right one, ``(n,)``.

    Per layer the mean over the path's units of log p(unit | answer) - log p(unit | label); the
    detector's frequencies and votes all rise with it.
    """
    votes = torch.zeros(len(paths))
    for layer in paths.layers:
        output = outputs.get(layer.shape.name)
        if output is None or tuple(output.shape[1:]) != layer.shape.neurons:
            continue  # a layer that keeps its images elsewhere, as some attention does
        given, right = (_log_frequency(detector, key(layer.shape, "neurons"), c) for c in (paths.seeds, labels))
        member = _straight_through(output.flatten(1), torch.from_numpy(layer.neurons.mask()))
        votes = votes + (member * (given - right)).sum(1) / member.detach().sum(1).clamp(min=1)
    return votes


def _log_frequency(detector: Detector, name: str, classes: Indices) -> Tensor:
    """Return log p of each unit in each image's class, ``(n, units)``."""
    rows = detector.signatures.rows(classes)
    return torch.from_numpy(detector.maker.lookup.log_frequency_of(name, rows)).float()


def _straight_through(output: Tensor, path: Tensor) -> Tensor:
    """Return the path's membership ``(n, units)`` with the gradient of a soft top-k of \\|output\\|, k = \\|path\\|."""
    size = output.abs()
    ordered = size.detach().sort(1, descending=True).values
    last = path.sum(1, keepdim=True).clamp(min=1) - 1
    soft = torch.sigmoid((size - ordered.gather(1, last)) / size.detach().std(1, keepdim=True).clamp(min=_TINY))
    return path.to(output.dtype) + soft - soft.detach()


def _unit(gradient: Tensor) -> Tensor:
    return gradient / lengths(gradient).clamp(min=_TINY)
