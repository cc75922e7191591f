"""How the detector's score changes with the pixels: of the test that speaks, at the stage where the image ends.

The score is a sum of what each feature says, so that its slope along each feature is known (``slopes``). How features
follow the pixels is exact for the answer, for the margins that views cost and for what probes read. For what the
neurons of a path have in common with a class it is that of the soft top-k (``likeness``). Other features change, but
nothing leads them: what is measured in used weights and in contributions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.adaptive.likeness import answers, behind, goals_of, log_frequency, soft_top, unit
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.features.probes import MOST
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.views import view_of
from pathprint.profiling.paths.path import ImagePaths, LayerPath
from pathprint.profiling.signatures.counts import key

Sharing: TypeAlias = Literal["selective", "orthogonal"]
SHARINGS: tuple[Sharing, ...] = ("selective", "orthogonal")
"""How a step down the score keeps the answer wrong (Bryniarski et al. 2021): once the wrong answer leads, a selective
step minds the score only; an orthogonal step also leaves out what would undo the wrong answer."""
_REACH = 0.25
"""Slopes are taken over so many standard deviations of clean images to either side: curves of a score are steps."""
_TINY = 1e-12


def downhill(detector: Detector, labels: Tensor, sharing: Sharing, made: Tensor) -> Tensor:
    """Return the direction in which the score of wrongly answered pixels ``made`` falls, ``n c h w``.

    Args:
        labels: right classes, ``(n,)``.
    """
    (paths, table), graph = detector.maker.make(made), detector.network.graph
    read = [average.activation for average in detector.extractor.plan.averages]
    leaf = made.detach().requires_grad_()
    with torch.enable_grad():
        outputs = [node.name for node in graph.weighted]
        values = graph.record(detector.network.preprocessing.normalise(leaf), [*outputs, *read])
        moving = Moving(detector, paths, values, answers(detector, leaf, values))
        suspicion = moving.suspicion(table.values, slopes(detector, table.values))
        (down,) = torch.autograd.grad(-suspicion, leaf, retain_graph=sharing == "orthogonal")
        if sharing == "selective":
            return down
        (error,) = torch.autograd.grad(-behind(moving.seen[0], goals_of(detector, labels)).sum(), leaf)
    return without_harm(down, error)


def without_harm(down: Tensor, error: Tensor) -> Tensor:
    """Return directions ``down`` without what points against ``error``, ``n c h w`` each."""
    error = unit(error)
    along = (error * down).flatten(1).sum(1).clamp(max=0)
    return down - along.reshape(-1, 1, 1, 1) * error


def slopes(detector: Detector, values: Floats) -> Floats:
    """Return by how much each feature raises each image's score, ``(n, f)``; ``values`` are all its features."""
    course, found = detector.score.course_of(values), np.zeros_like(values)
    reach = np.maximum(_REACH * detector.usual.deviation[-1], 1e-6)
    for image, ended in enumerate(course.ended):
        stage = detector.score.stages[ended]
        test = stage.score.names[int(course.scores[image, ended].argmax())]
        known, step = values[image, : stage.known], reach[: stage.known]
        below, above = stage.score.tests[test].contributions(np.stack([known - step, known + step]))
        found[image, : stage.known] = (above - below) / (2 * step)
    return found


@dataclass(frozen=True)
class Moving:
    """Features of a batch as functions of its pixels, as far as gradients lead them.

    Attributes:
        recorded: values of the network's graph by name: outputs of weighted layers, and what probes read.
        seen: logits ``n k`` of the images, and of each view that the detector asks about.
    """

    detector: Detector
    paths: ImagePaths
    recorded: Mapping[str, Tensor]
    seen: list[Tensor]

    def suspicion(self, values: Floats, slopes: Floats) -> Tensor:
        """Return a number whose gradient is that of the sum over images of each feature times its slope.

        Args:
            values: the features of the images, ``(n, f)``.
            slopes: by how much each raises the score, ``(n, f)``.
        """
        rising, of_paths = 0 * self.seen[0].sum(), defaultdict[str, list[int]](list)
        for column, feature in enumerate(self.detector.features):
            if feature.kind == "neurons":
                of_paths[feature.layer].append(column)
            elif slopes[:, column].any() and (found := self.alone(feature)) is not None:
                rising = rising + (torch.from_numpy(slopes[:, column]).float() * found).sum()
        for layer in self.paths.layers:
            output, columns = self._output(layer), of_paths[layer.shape.name]
            if output is not None and slopes[:, columns].any():
                member = soft_top(output.flatten(1), torch.from_numpy(layer.neurons.counts))
                rising = rising + (member * self.pull(layer, columns, values, slopes)).sum()
        return rising

    def alone(self, feature: Feature) -> Tensor | None:
        """Return a feature that is no measure of a path, ``(n,)``; None if nothing leads it."""
        if (view := view_of(feature)) is not None:
            return self._margin(0) - self._margin(1 + self.detector.views.index(view))
        if feature.measure in self._of_probes:
            return self._of_probes[feature.measure][:, self._probed.index(feature.layer)]
        return self._of_answer.get(feature.measure)

    def pull(self, layer: LayerPath, columns: Sequence[int], values: Floats, slopes: Floats) -> Tensor:
        """Return by how much the score rises if a neuron of ``layer`` becomes a member of the path, ``(n, units)``.

        Args:
            columns: the layer's features among ``values`` and ``slopes``.
        """
        size = torch.from_numpy(np.maximum(layer.neurons.counts, 1)).float()[:, None]
        name = key(layer.shape, "neurons")
        logs = [log_frequency(self.detector, name, self._classes[:, rank].numpy()) for rank in (0, 1)]
        shares, found = [log.exp() for log in logs], torch.zeros_like(logs[0])
        for column in columns:
            feature = self.detector.features[column]
            slope, value = (torch.from_numpy(of[:, column, None]).float() for of in (slopes, values))
            found += slope * _by_member(feature, value, size, logs, shares)
        return found

    def _output(self, layer: LayerPath) -> Tensor | None:
        """Return the output of a layer; None if it does not keep images in its first dimension."""
        names = {node.layer: node.name for node in self.detector.network.graph.weighted}
        output = self.recorded.get(names.get(layer.shape.name, ""))
        return output if output is not None and tuple(output.shape[1:]) == layer.shape.neurons else None

    def _margin(self, look: int) -> Tensor:
        """Return the logit of each image's class minus the largest other, in one of ``seen``, ``(n,)``."""
        own = torch.zeros_like(self.seen[look], dtype=torch.bool).scatter(1, self._classes[:, :1], True)
        return -behind(self.seen[look], own)

    @cached_property
    def _classes(self) -> Tensor:
        """The predicted class and the runner-up, ``(n, 2)``."""
        own = torch.from_numpy(self.paths.seeds)[:, None]
        others = self.seen[0].detach().scatter(1, own, -torch.inf)
        return torch.cat([own, others.argmax(1, keepdim=True)], 1)

    @cached_property
    def _of_answer(self) -> dict[str, Tensor]:
        """What ``confidence`` measures."""
        share = self.seen[0].softmax(1)
        largest = share.gather(1, self._classes[:, :1])[:, 0]
        entropy = -(share * share.clamp(min=_TINY).log()).sum(1)
        return {"confidence": largest, "doubt": (1 - largest).clamp(min=_TINY).sqrt(), "entropy": entropy}

    @cached_property
    def _probed(self) -> tuple[str, ...]:
        """The layers that probes read."""
        probes = self.detector.maker.probes
        return probes.layers if probes else ()

    @cached_property
    def _of_probes(self) -> dict[str, Tensor]:
        """What ``probe`` measures in each layer, ``(n, layers)``."""
        probes = self.detector.maker.probes
        if probes is None:
            return {}
        plan = self.detector.extractor.plan
        seen = [average.of(self.recorded[average.activation]) for average in plan.averages]
        parts = zip(seen, map(torch.from_numpy, probes.weights), strict=True)
        readings = torch.stack([average @ weights[:-1] + weights[-1] for average, weights in parts], 1)
        own, second = (self._classes[:, rank, None, None].expand(-1, len(probes.layers), 1) for rank in (0, 1))
        mine, other = readings.gather(2, own)[..., 0], readings.gather(2, second)[..., 0]
        best = readings.scatter(2, own, -torch.inf).amax(2)
        found = {"probe_reading": mine, "probe_lead": mine - other, "probe_margin": mine - best}
        return {measure: value.clamp(-MOST, MOST) for measure, value in found.items()}


def _by_member(
    feature: Feature, value: Tensor, size: Tensor, logs: Sequence[Tensor], shares: Sequence[Tensor]
) -> Tensor:
    """Return by how much a feature of a path rises with the membership of each neuron, ``(n, units)`` or ``(n, 1)``.

    Args:
        value: the feature, ``(n, 1)``; ``size`` is that of the path, ``(n, 1)``.
        logs: log p of the neurons for the predicted class and for the runner-up, ``(n, units)`` each; ``shares`` is p.
    """
    log, share = logs[max(feature.rank, 1) - 1], shares[max(feature.rank, 1) - 1]
    match feature.measure:
        case "mean_log_frequency":
            return (log - value) / size
        case "mean_frequency":
            return (share - value) / size
        case "containment":  # p of a neuron that no image of the class used is the smallest there is
            return ((share > share.amin(1, keepdim=True)).float() - value) / size
        case "coverage":
            return share / share.sum(1, keepdim=True).clamp(min=_TINY)
        case "path_size":
            return 1 / (1 + size)
        case "vote_margin" | "vote_runner_up":  # the runner-up stands for the largest of all other votes
            return (_odds(logs[0]) - _odds(logs[1])) / size.sqrt() - value / (2 * size)
        case "vote_likelihood":
            return _odds(logs[0]) / size.sqrt() - value / (2 * size)
    return torch.zeros_like(size)


def _odds(log: Tensor) -> Tensor:
    """Return log p - log(1 - p)."""
    return log - torch.log1p(-log.exp())
