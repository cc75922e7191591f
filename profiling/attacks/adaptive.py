"""An attacker who knows the detector: ascent on the network's error and on the likeness of the path.

The path is piecewise constant, so its gradient is taken from a surrogate: which units are on the path
is read off the true walk, how that changes is taken from a soft top-k of the activations
(straight-through, Athalye et al. 2018). The views of a thorough detector are differentiable; they
have to be answered wrongly too. What counts in the end is the detector's true score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.graph import Node
from models.operations import WEIGHTED
from models.preprocessing import to_8_bit
from profiling.attacks.attack import Goal
from profiling.attacks.ball import lengths, project, random_point
from profiling.attacks.draws import Draws
from profiling.detection.detector import Detector, measure
from profiling.detection.scores import total
from profiling.lookup import Floats
from profiling.paths.path import ImagePaths, Indices
from profiling.signatures import key
from profiling.stability import VIEWS

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Adaptive:
    """How hard to try, within an Linf ball.

    Attributes:
        weights: how much the path counts beside the wrong answer; each is tried, the best result stays.
        leads: logits by which the wrong answer should lead; while it does, only the path is worked on.
            Each is tried from another random point, as both too little and too much confidence show.
        looks: the true detector is asked after every so many steps.
    """

    budget: float
    steps: int = 60
    weights: tuple[float, ...] = (0.0, 0.3, 1.0, 3.0)
    leads: tuple[float, ...] = (0.5, 8.0)
    looks: int = 10


@dataclass(frozen=True)
class Evasion:
    """The best that was found for each image.

    Attributes:
        pixels: rounded to 8 bit, ``n c h w``; the clean image where no wrong answer was found.
        wrong: the network answers wrongly, ``(n,)``.
        scores: the detector's, ``(n,)``; infinite where no wrong answer was found.
    """

    pixels: Tensor
    wrong: Tensor
    scores: Floats

    def evaded(self, threshold: float) -> Tensor:
        """Return which images are answered wrongly without being flagged."""
        return self.wrong & torch.from_numpy(self.scores <= threshold)


def evade(detector: Detector, pixels: Tensor, labels: Tensor, attempt: Adaptive, seed: int = 0) -> Evasion:
    """Search for wrong answers with the lowest detector score; the same seed gives the same images."""
    found = Evasion(pixels, torch.zeros(len(pixels), dtype=torch.bool), np.full(len(pixels), np.inf))
    pixels, labels = pixels.clone(), labels.clone()  # predictions are made in inference mode
    draws = Draws(pixels, seed)
    for weight in attempt.weights:
        for lead in attempt.leads:
            made = random_point(pixels, "Linf", attempt.budget, draws)
            for step in range(1, attempt.steps + 1):
                direction = _direction(detector, made, Goal(labels), weight, lead)
                length = 2 * attempt.budget * (1 - (step - 1) / attempt.steps) / 5
                made = project(made + length * direction.sign(), pixels, "Linf", attempt.budget)
                if step % attempt.looks == 0 or step == attempt.steps:
                    found = _better(found, detector, made, labels)
    return found


def _better(found: Evasion, detector: Detector, made: Tensor, labels: Tensor) -> Evasion:
    """Return the better of both for each image, by the true detector on rounded pixels."""
    rounded = to_8_bit(made)
    paths, table = measure(detector.extractor, detector.signatures, rounded, detector.thorough)
    scores = total(detector.score, table.values)
    wrong = torch.from_numpy(paths.seeds) != labels
    take = wrong & torch.from_numpy(scores < found.scores)
    chosen = torch.where(take.reshape(-1, 1, 1, 1), rounded, found.pixels)
    return Evasion(chosen, found.wrong | take, np.where(take.numpy(), scores, found.scores))


def _direction(detector: Detector, made: Tensor, goal: Goal, weight: float, lead: float) -> Tensor:
    """Return where to go: the sum of two directions of length 1, the second ``weight`` times."""
    graph, layers = detector.network.graph, _layers(detector)
    paths = detector.extractor.extract(made) if weight else None
    leaf = made.detach().requires_grad_()
    with torch.enable_grad():
        values = graph.record(detector.network.preprocessing.normalise(leaf), [node.name for node in layers.values()])
        margins = [goal.margin(logits).add(lead).clamp(min=0) for logits in _seen(detector, leaf, values)]
        (error,) = torch.autograd.grad(-torch.stack(margins).sum(), leaf, retain_graph=True)
        if paths is None:
            return error
        outputs = {layer: values[node.name] for layer, node in layers.items()}
        likeness = _likeness(detector, paths, outputs, goal.labels.numpy())
        (similar,) = torch.autograd.grad(likeness.sum(), leaf)
    return _unit(error) + weight * _unit(similar)


def _seen(detector: Detector, leaf: Tensor, values: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the logits of the images, and of the views that a thorough detector compares them with."""
    views = VIEWS.values() if detector.thorough else ()
    return [values[detector.network.graph.output], *(detector.network.logits(change(leaf)) for change in views)]


def _layers(detector: Detector) -> dict[str, Node]:
    """Return the node of each weighted layer by name."""
    return {node.layer: node for node in detector.network.graph.nodes if node.operation in WEIGHTED}


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
    signatures = detector.signatures
    rows = signatures.rows(classes)
    counts = signatures.counts[name][rows].astype(np.float64)
    behind = signatures.images[rows][:, None]
    frequency = np.where(rows[:, None] >= 0, (counts + 0.5) / (behind + 1), 0.5)
    return torch.from_numpy(np.log(frequency)).float()


def _straight_through(output: Tensor, path: Tensor) -> Tensor:
    """Return the path's membership ``(n, units)`` with the gradient of a soft top-k of \\|output\\|, k = \\|path\\|."""
    size = output.abs()
    ordered = size.detach().sort(1, descending=True).values
    last = path.sum(1, keepdim=True).clamp(min=1) - 1
    soft = torch.sigmoid((size - ordered.gather(1, last)) / size.detach().std(1, keepdim=True).clamp(min=_TINY))
    return path.to(output.dtype) + soft - soft.detach()


def _unit(gradient: Tensor) -> Tensor:
    return gradient / lengths(gradient).clamp(min=_TINY)
