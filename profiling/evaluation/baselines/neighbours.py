"""Distance to the k-th nearest clean image in the penultimate layer (Sun et al. 2022)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from pathprint.profiling.arrays import Floats
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, Observation

_NEIGHBOURS = 50  # the paper's choice for CIFAR-10, which has 5,000 images per class


def nearest_neighbours(lessons: Lessons) -> Baseline:
    """Return the detector: distance to the k-th nearest profile image, with features scaled to length 1.

    k is 50, but at most half the mean number of images per class. With a larger k, the k-th neighbour of a clean image
    would belong to another class.
    """
    reference = _scaled(lessons.profiled.penultimate)
    per_class = len(reference) // len(np.unique(lessons.labels))
    rank = max(1, min(_NEIGHBOURS, per_class // 2)) - 1

    def score(seen: Observation) -> Floats:
        distances = cdist(_scaled(seen.penultimate), reference)
        kth: Floats = np.partition(distances, rank, axis=1)[:, rank]
        return kth

    return score


def _scaled(values: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.maximum(lengths, 1e-12)
