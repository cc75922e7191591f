"""The paths of correctly predicted images, one batch after another, for studies that look at whole paths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.correct import in_chunks
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.errors import FitError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.progress import meter


def correct_paths(
    extractor: Extractor, dataset: Dataset, images: Indices, per_class: int
) -> Iterator[tuple[ImagePaths, Indices]]:
    """Yield, batch by batch, paths and labels of the first ``per_class`` correctly predicted images of each class.

    Args:
        images: positions in the data set, in the order in which they are taken.

    Raises:
        FitError: no image is predicted correctly.
    """
    quota = _Quota(np.bincount(dataset.labels[images], minlength=len(extractor.network.labels)), per_class)
    with meter("extracting paths", quota.wanted) as shown:
        for chunk in in_chunks(images):
            if quota.is_full:
                break  # no further image would be taken
            walked, taken = _taken(extractor, dataset, chunk, quota)
            shown.advance(sum(map(len, taken)))
            if walked:
                yield ImagePaths.join(walked), np.concatenate(taken)
        shown.expect(int(quota.taken.sum()))  # of a class with many wrong answers there are fewer
    if not quota.taken.any():
        raise FitError(
            f"the network predicts none of the {len(images)} profile images correctly; check labels and weights."
        )


def _taken(
    extractor: Extractor, dataset: Dataset, chunk: Indices, quota: _Quota
) -> tuple[list[ImagePaths], list[Indices]]:
    """Return paths and labels of the images of a chunk that are predicted correctly and still wanted."""
    pixels, labels = dataset.pixels(chunk, extractor.network.preprocessing), dataset.labels[chunk]
    walked, taken, start = [], [], 0
    for recording in extractor.recorded(pixels):
        own = labels[start : start + len(recording)]
        rows = quota.take(own, recording.predicted == own)
        if len(rows):
            walked.append(recording.some(torch.from_numpy(rows)).paths())
            taken.append(own[rows])
        start += len(recording)
        del recording
    return walked, taken


class _Quota:
    """Counts how many images of each class have been taken, up to ``per_class``.

    Args:
        present: number of images of each class in the data.
    """

    def __init__(self, present: Indices, per_class: int) -> None:
        self._present, self._per_class = present > 0, per_class
        self.taken = np.zeros(len(present), dtype=np.int64)
        self.wanted = int(np.minimum(present, per_class).sum())

    @property
    def is_full(self) -> bool:
        """Whether every class that occurs in the data has ``per_class`` images."""
        return bool((self.taken >= self._per_class)[self._present].all())

    def take(self, labels: Indices, correct: Bits) -> Indices:
        """Return the rows of the correct images that are still wanted, and count them as taken."""
        rows = np.flatnonzero(correct)
        wanted = rows[_ordinal(labels[rows]) + self.taken[labels[rows]] < self._per_class]
        self.taken += np.bincount(labels[wanted], minlength=len(self.taken))
        return wanted


def _ordinal(labels: Indices) -> Indices:
    """Return for each label how many equal labels come before it, ``(n,)``."""
    return np.array([np.count_nonzero(labels[:i] == label) for i, label in enumerate(labels)], dtype=np.int64)
