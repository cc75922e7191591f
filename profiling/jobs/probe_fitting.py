"""Fit linear probes on profiled images: ridge regression of their classes on averages of activations."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numpy.linalg import solve

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.data.correct import in_chunks
from pathprint.profiling.data.roles import Images, Profile
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.probes import MOST_CLASSES, Probes
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.progress import track

_IMAGES = 5000
"""Images that probes are fitted on, at most."""
_FEWEST = 100
"""Images below which no probes are fitted."""
_RIDGE = 1e-2
"""Relative to the variance of a standardised number."""
_TINY = 1e-9


@dataclass
class Sums:
    """What a regression needs of the images, added up batch by batch in float64.

    Attributes:
        images: how many there are; ``per_class`` of each class, ``(k,)``.
        total: sum of the averages, ``(d,)``; ``products`` of their products, ``(d, d)``; ``of_class`` of those of
            each class, ``(d, k)``.
    """

    total: Floats
    products: Floats
    of_class: Floats
    per_class: Floats

    @staticmethod
    def empty(size: int, classes: int) -> Sums:
        """Return the sums of no image."""
        return Sums(np.zeros(size), np.zeros((size, size)), np.zeros((size, classes)), np.zeros(classes))

    def add(self, averages: npt.NDArray[np.float32], labels: Indices) -> None:
        """Add images: their averages ``(n, d)`` and their classes ``(n,)``."""
        values, truth = averages.astype(np.float64), np.eye(len(self.per_class))[labels]
        self.total += values.sum(0)
        self.products += values.T @ values
        self.of_class += values.T @ truth
        self.per_class += truth.sum(0)

    def regression(self) -> npt.NDArray[np.float32]:
        """Return the weights of the ridge regression of one-hot classes on standardised averages, ``(d + 1, k)``."""
        images = self.per_class.sum()
        mean, share = self.total / images, self.per_class / images
        covariance = self.products / images - np.outer(mean, mean)
        deviation = np.sqrt(np.maximum(np.diag(covariance), 0))
        scale = np.where(deviation > _TINY, 1 / np.maximum(deviation, _TINY), 0.0)
        system = covariance * np.outer(scale, scale) + _RIDGE * np.eye(len(mean))
        moments = (self.of_class / images - np.outer(mean, share)) * scale[:, None]
        weights = solve(system, moments) * scale[:, None]
        return np.vstack([weights, share - mean @ weights]).astype(np.float32)


def with_probes(maker: FeatureMaker, profiled: Images[Profile]) -> FeatureMaker:
    """Return the maker with probes fitted on the first correctly predicted of the ``profiled`` images.

    It has none if the network has more than ``MOST_CLASSES`` classes, or fewer than a hundred images are at hand.
    """
    extractor = replace(maker.extractor, averages=True)
    if len(maker.network.labels) > MOST_CLASSES or not extractor.plan.averages or len(profiled) < _FEWEST:
        return maker
    sums = _sums(extractor, profiled)
    if sums[0].per_class.sum() < _FEWEST:
        return maker
    layers = tuple(average.layer for average in extractor.plan.averages)
    return replace(maker, extractor=extractor, probes=Probes(layers, tuple(one.regression() for one in sums)))


def _sums(extractor: Extractor, profiled: Images[Profile]) -> list[Sums]:
    dataset, network = profiled.dataset, extractor.network
    found = [Sums.empty(average.size, len(network.labels)) for average in extractor.plan.averages]
    for chunk in track(in_chunks(profiled.positions[:_IMAGES]), "fitting probes", len):
        labels, start = dataset.labels[chunk], 0
        for recording in extractor.recorded(dataset.pixels(chunk, network.preprocessing)):
            own = labels[start : start + len(recording)]
            start += len(recording)
            right = recording.predicted == own
            for sums, values in zip(found, recording.averages, strict=True):
                sums.add(values.cpu().numpy()[right], own[right])
            del recording
    return found
