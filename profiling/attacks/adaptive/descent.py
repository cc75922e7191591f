"""Third way to evade: descend the detector's own score, of the test that speaks and at the stage where the image ends.

The score is a sum of what each feature says, so that its slope along each feature is known (``slopes``). How features
follow the pixels is exact for the answer and for the margins that views cost. For what a path has in common with a
class it is that of the soft top-k (``likeness``). Other features change, but nothing leads them.

A step also has to keep the answer wrong. Both goals share it in one of two ways (Bryniarski et al. 2021): a
``selective`` step works on the score only once the wrong answer leads; an ``orthogonal`` step also leaves out what
would undo the other goal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.adaptive.likeness import (
    answers,
    behind,
    goals_of,
    log_frequency,
    straight_through,
    unit,
)
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.views import view_of
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures.counts import key

Sharing: TypeAlias = Literal["selective", "orthogonal"]
SHARINGS: tuple[Sharing, ...] = ("selective", "orthogonal")
_REACH = 0.25
"""Slopes are taken over so many standard deviations of clean images to either side: curves of a score are steps."""
_TINY = 1e-12


def direction(detector: Detector, labels: Tensor, lead: float, sharing: Sharing, made: Tensor) -> Tensor:
    """Return the direction of the next step from pixels ``made``, ``n c h w``.

    Args:
        labels: right classes, ``(n,)``.
        lead: logits by which the wrong answer should lead, in the image and in every view.
    """
    paths, table = detector.maker.make(made)
    graph = detector.network.graph
    layers = {node.layer: node.name for node in graph.weighted}
    leaf = made.detach().requires_grad_()
    with torch.enable_grad():
        values = graph.record(detector.network.preprocessing.normalise(leaf), list(layers.values()))
        seen = answers(detector, leaf, values)
        missing = torch.stack([behind(logits, goals_of(detector, labels)) for logits in seen]) + lead
        still = (missing > 0).any(0)
        wanted = torch.where(still, (missing > 0).to(missing.dtype), 1.0)
        (error,) = torch.autograd.grad(-(missing * wanted).sum(), leaf, retain_graph=True)
        moving = Moving(detector, paths, {layer: values[name] for layer, name in layers.items()}, seen)
        suspicion = moving.suspicion(torch.from_numpy(slopes(detector, table.values)).float())
        (innocence,) = torch.autograd.grad(-suspicion, leaf)
    return shared(unit(error), unit(innocence), still, sharing)


def shared(error: Tensor, innocence: Tensor, still: Tensor, sharing: Sharing) -> Tensor:
    """Return a step of each image, from unit directions ``n c h w`` towards a wrong answer and a low score.

    Args:
        still: whether the wrong answer does not lead yet, ``(n,)``.
    """
    if sharing == "orthogonal":
        along = (error * innocence).flatten(1).sum(1).reshape(-1, 1, 1, 1)
        error, innocence = error - along * innocence, innocence - along * error
    return torch.where(still.reshape(-1, 1, 1, 1), error, innocence)


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
        outputs: of each weighted layer, by its name.
        seen: logits ``n k`` of the images, and of each view that the detector asks about.
    """

    detector: Detector
    paths: ImagePaths
    outputs: Mapping[str, Tensor]
    seen: list[Tensor]

    def suspicion(self, slopes: Tensor) -> Tensor:
        """Return the sum over images of each feature times its slope, ``slopes`` being ``(n, f)``; a number."""
        parts = [
            (slopes[:, column] * found).sum()
            for column, feature in enumerate(self.detector.features)
            if (found := self._feature(feature)) is not None
        ]
        return torch.stack(parts).sum() + 0 * self.seen[0].sum()

    def _feature(self, feature: Feature) -> Tensor | None:
        """Return a feature of each image, ``(n,)``, up to a constant; None if nothing leads it."""
        if (view := view_of(feature)) is not None:
            return self._margin(0) - self._margin(1 + self.detector.views.index(view))
        if feature.measure in self._of_answer:
            return self._of_answer[feature.measure]
        member = self._members.get(feature.layer) if feature.kind == "neurons" else None
        if member is None:
            return None
        if feature.measure == "path_size":
            return member.sum(1).log1p()
        if feature.measure not in ("mean_frequency", "mean_log_frequency", "containment", "coverage"):
            return None
        return _in_common(feature.measure, member, self._logarithms[feature.layer, feature.rank])

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
    def _members(self) -> dict[str, Tensor]:
        """Of each layer that keeps images in its first dimension, which neurons are on the path, ``(n, units)``."""
        found = {}
        for layer in self.paths.layers:
            output = self.outputs.get(layer.shape.name)
            if output is not None and tuple(output.shape[1:]) == layer.shape.neurons:
                path = torch.from_numpy(layer.neurons.mask())
                found[layer.shape.name] = straight_through(output.flatten(1), path)
        return found

    @cached_property
    def _logarithms(self) -> dict[tuple[str, int], Tensor]:
        """log p of the neurons of a layer for the class of a rank, ``(n, units)``."""
        return {
            (layer.shape.name, rank): log_frequency(
                self.detector, key(layer.shape, "neurons"), self._classes[:, rank - 1].numpy()
            )
            for layer in self.paths.layers
            for rank in (1, 2)
            if layer.shape.name in self._members
        }


def _in_common(measure: str, member: Tensor, logarithms: Tensor) -> Tensor:
    """Return a measure of ``similarity`` from memberships and log p of the neurons, ``(n, units)`` each."""
    shares = logarithms.exp()
    if measure == "coverage":
        return (member * shares).sum(1) / shares.sum(1).clamp(min=_TINY)
    each = {"mean_log_frequency": logarithms, "mean_frequency": shares}.get(measure)
    if each is None:  # containment: p of a unit that no image of the class used is the smallest there is
        each = (shares > shares.amin(1, keepdim=True)).to(shares.dtype)
    size = member.sum(1).clamp(min=1)
    return (member * each).sum(1) / size
