"""The offline steps before fitting, one function each. The command line only parses and prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

import numpy as np
import torch

from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.correct import correct_images, in_chunks
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Images, Profile
from pathprint.profiling.errors import FitError, OptionsError
from pathprint.profiling.jobs.defaults import SELECTIONS
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.thresholds import calibrated
from pathprint.profiling.progress import track
from pathprint.profiling.signatures.counts import ClassSignatures, count
from pathprint.profiling.signatures.synapses import ClassSynapses, collect

THRESHOLD_IMAGES = 32
"""Correctly predicted images that absolute thresholds come from; all are walked at once."""


def variant(extractor: Extractor, dataset: Dataset, images: Indices, selection: str, forward: bool) -> Extractor:
    """Return the extractor with absolute thresholds from the first of ``images``, where it needs any.

    Args:
        selection: ``cumulative``, ``absolute``, or ``hybrid``: absolute in the first half of the layers.

    Raises:
        OptionsError: there is no such selection.
        FitError: no image is predicted correctly.
    """
    if selection not in SELECTIONS:
        raise OptionsError(f"selection is {selection!r}; allowed: {', '.join(SELECTIONS)}.")
    if selection == "cumulative" and not forward:
        return extractor
    names = extractor.layout.names
    absolute = {"cumulative": [], "absolute": names, "hybrid": names[: len(names) // 2]}[selection]
    clean = correct_images(extractor.network, Images[Profile](dataset, images), THRESHOLD_IMAGES)
    return replace(extractor, policy=calibrated(extractor, clean.pixels, absolute, forward))


def profile(extractor: Extractor, dataset: Dataset, images: Indices, per_class: int) -> ClassSignatures:
    """Return the signatures of the first ``per_class`` correctly predicted images of each class.

    Raises:
        FitError: no image is predicted correctly.
    """
    found = correct_paths(extractor, dataset, images, per_class)
    return reduce(ClassSignatures.merge, (count(paths, labels, extractor.fingerprint) for paths, labels in found))


def profile_with_synapses(
    extractor: Extractor, dataset: Dataset, images: Indices, per_class: int
) -> tuple[ClassSignatures, ClassSynapses]:
    """Return the same signatures, and the synapses of each class.

    Raises:
        FitError: no image is predicted correctly.
        MissingExtraError: pyroaring is not installed.
    """
    listing = replace(extractor, policy=replace(extractor.policy, synapses=True))
    parts = [
        (count(paths, labels, extractor.fingerprint), collect(paths, labels, extractor.fingerprint))
        for paths, labels in correct_paths(listing, dataset, images, per_class)
    ]
    signatures, synapses = zip(*parts, strict=True)
    return reduce(ClassSignatures.merge, signatures), reduce(ClassSynapses.merge, synapses)


def correct_paths(
    extractor: Extractor, dataset: Dataset, images: Indices, per_class: int
) -> Iterator[tuple[ImagePaths, Indices]]:
    """Yield paths and labels of the first ``per_class`` correctly predicted images of each class.

    Raises:
        FitError: no image is predicted correctly.
    """
    classes = len(extractor.network.labels)
    taken, there = np.zeros(classes, dtype=np.int64), np.bincount(dataset.labels[images], minlength=classes) > 0
    for chunk in track(in_chunks(images), "profiling"):
        if (taken >= per_class)[there].all():
            break  # further images would only be counted out
        pixels, labels = dataset.pixels(chunk, extractor.network.preprocessing), dataset.labels[chunk]
        correct = np.flatnonzero(extractor.network.predict(pixels).numpy() == labels)
        rows = correct[_ordinal(labels[correct]) + taken[labels[correct]] < per_class]
        if len(rows):
            taken += np.bincount(labels[rows], minlength=len(taken))
            yield extractor.extract(pixels[torch.from_numpy(rows)]), labels[rows]
    if not taken.any():
        raise FitError(
            f"the network predicts none of the {len(images)} profile images correctly; check labels and weights."
        )


def _ordinal(labels: Indices) -> Indices:
    """Return for each label how many equal ones come before it."""
    return np.array([np.count_nonzero(labels[:i] == label) for i, label in enumerate(labels)], dtype=np.int64)
