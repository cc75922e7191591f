"""Two features of each layer, compared between clean and attacked images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.features.table import Feature


@dataclass(frozen=True, slots=True)
class LayerBand:
    """Two features of a layer on clean and attacked images.

    Attributes:
        containment: containment of the path's weights in the path of the predicted class.
        telling: the most telling feature: its mean on attacked images is farthest from its clean mean, in standard
            deviations of clean images. It is chosen on these very images: read it as a description, not as a result.
    """

    layer: str
    containment: FeatureBand
    telling: FeatureBand


@dataclass(frozen=True, slots=True)
class FeatureBand:
    """A feature's mean and standard deviation on clean test images, and its mean on each attack's successes."""

    feature: str
    mean: float
    deviation: float
    attacks: Mapping[str, float]


def layer_bands(
    features: Sequence[Feature], names: Sequence[str], clean: Floats, attacks: Mapping[str, Floats]
) -> tuple[LayerBand, ...]:
    """Return the bands of the layers ``names``.

    Args:
        clean: feature values of clean test images, ``(n, f)``.
        attacks: feature values of each attack's successes, ``(m, f)``.
    """
    mean, deviation = clean.mean(axis=0), clean.std(axis=0)
    won = {name: values.mean(axis=0) for name, values in attacks.items() if len(values)}
    distance = np.mean([np.abs(found - mean) for found in won.values()], axis=0) if won else np.zeros_like(mean)
    # A feature that never changes on clean images (of an empty path, say) has no standard deviation to measure by.
    distance = np.where(deviation > 1e-9, distance / np.maximum(deviation, 1e-9), -1.0)

    def band(column: int) -> FeatureBand:
        found = {name: float(values[column]) for name, values in won.items()}
        return FeatureBand(features[column].name, float(mean[column]), float(deviation[column]), found)

    bands = []
    for layer in names:
        columns = [j for j, feature in enumerate(features) if feature.layer == layer]
        contained = next(j for j in columns if features[j].name == f"containment/{layer}/weights/1")
        bands.append(LayerBand(layer, band(contained), band(max(columns, key=lambda j: distance[j]))))
    return tuple(bands)
