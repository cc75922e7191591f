"""Evidence for a verdict: what each layer adds to the score beyond what it adds where all is as usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Arrays, Floats, Indices
from pathprint.profiling.detection.sentences import Classes, Finding, sentence, short_name
from pathprint.profiling.features.table import Feature

_ENOUGH = 5
"""Least number of clean images for statistics of a single class; below it, those of all classes are used."""


@dataclass(frozen=True)
class Usual:
    """Mean and standard deviation of clean images' features, per predicted class and over all images.

    Attributes:
        classes: numbers of the classes that have their own statistics, ascending, ``(k,)``.
        mean, deviation: one row per entry of ``classes``, and a last row over all clean images, ``(k + 1, f)``.
    """

    classes: Indices
    mean: Floats
    deviation: Floats

    @staticmethod
    def of(values: Floats, predicted: Indices) -> Usual:
        """Return the statistics of clean images from their features ``(n, f)`` and predicted classes ``(n,)``."""
        known, counts = np.unique(predicted, return_counts=True)
        classes = known[counts >= _ENOUGH]
        groups = [values[predicted == c] for c in classes] + [values]
        mean, deviation = (np.stack([f(group, axis=0) for group in groups]) for f in (np.mean, np.std))
        return Usual(classes.astype(np.int64), mean, deviation)

    def row(self, class_number: int) -> int:
        """Return the row of a class in ``mean`` and ``deviation``; the last row if the class has no statistics."""
        at = int(np.searchsorted(self.classes, class_number))
        return at if at < len(self.classes) and self.classes[at] == class_number else len(self.classes)

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name; ``from_arrays`` reads them."""
        return {
            "usual_classes": self.classes,
            "usual_mean": self.mean,
            "usual_deviation": self.deviation,
        }

    @staticmethod
    def from_arrays(arrays: Arrays) -> Usual:
        """Return the statistics stored by ``arrays``.

        Raises:
            KeyError: an array is missing.
            ValueError: the arrays' shapes contradict each other.
        """
        classes, mean, deviation = (arrays[f"usual_{name}"] for name in ("classes", "mean", "deviation"))
        if mean.ndim != 2 or not mean.shape == deviation.shape == (len(classes) + 1, mean.shape[1]):
            raise ValueError("the stored statistics of clean images have contradictory shapes.")
        return Usual(classes, mean, deviation)


@dataclass(frozen=True, slots=True)
class LayerEvidence:
    """What one layer says about an image; ``classes`` are the image's predicted and runner-up class."""

    finding: Finding
    classes: Classes

    @property
    def layer(self) -> str:
        """Name of the layer, or ``the answer``."""
        return self.finding.feature.layer

    @property
    def contribution(self) -> float:
        """What the layer adds to the score beyond what it would add if all its features were as usual.

        Over all layers, contributions add up to the score minus the usual score.
        """
        return self.finding.contribution

    @property
    def feature(self) -> str:
        """Short name of the layer's feature that adds most in the direction of ``contribution``."""
        return short_name(self.finding.feature)

    @property
    def value(self) -> float:
        """The value of ``feature`` for this image."""
        return self.finding.value

    @property
    def usual(self) -> float:
        """Mean of ``feature`` over clean images of the predicted class, or over all if too few of it were seen."""
        return self.finding.usual

    @property
    def spread(self) -> float:
        """Standard deviation of ``feature`` over the same clean images as ``usual``."""
        return self.finding.spread

    @property
    def text(self) -> str:
        """The evidence as a sentence, written when it is asked for: of most layers nobody asks."""
        return sentence(self.finding, self.classes)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as JSON-able data."""
        names = ("layer", "contribution", "feature", "value", "usual", "spread", "text")
        return {name: getattr(self, name) for name in names}


def by_layer(features: tuple[Feature, ...]) -> tuple[Indices, ...]:
    """Return the columns of each layer's features, in the order of the layers."""
    columns: dict[str, list[int]] = {}
    for j, feature in enumerate(features):
        columns.setdefault(feature.layer, []).append(j)
    return tuple(np.array(found) for found in columns.values())


def layer_evidence(
    features: tuple[Feature, ...],
    layers: Sequence[Indices],
    values: Floats,
    excess: Floats,
    usual: Usual,
    classes: Classes,
    kinds: Mapping[str, str],
) -> tuple[LayerEvidence, ...]:
    """Return the evidence of each layer for one image, largest contribution first, whatever its sign.

    Args:
        layers: the columns of each layer's features, as ``by_layer`` returns them.
        values: the image's feature values, ``(f,)``.
        excess: what each adds to the score beyond what it would add if it were as usual, ``(f,)``.
        kinds: what each layer is, in words, by name.
    """
    row = usual.row(classes.predicted)
    evidence = []
    for columns in layers:
        parts = excess[columns]
        added = float(parts.sum())
        strongest = int(columns[parts.argmax() if added >= 0 else parts.argmin()])
        finding = Finding(
            feature=features[strongest],
            contribution=added,
            value=float(values[strongest]),
            usual=float(usual.mean[row, strongest]),
            spread=float(usual.deviation[row, strongest]),
            of_class=row < len(usual.classes),
            kind=kinds.get(features[strongest].layer, ""),
        )
        evidence.append(LayerEvidence(finding, classes))
    return tuple(sorted(evidence, key=lambda item: -abs(item.contribution)))
