"""The offline steps before fitting, one function each. The command line only parses and prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Attack, Crafted
from pathprint.profiling.attacks.benign import Control, Controlled, apply
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Images, Profile, R
from pathprint.profiling.detection.detector import measure
from pathprint.profiling.errors import FitError, OptionsError
from pathprint.profiling.features.similarity import FeatureTable
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths, Indices
from pathprint.profiling.paths.thresholds import calibrated
from pathprint.profiling.progress import track
from pathprint.profiling.signatures.counts import ClassSignatures, count
from pathprint.profiling.signatures.synapses import ClassSynapses, collect

PROFILE_PER_CLASS = 1000
CHUNK = 128
"""Images that are decoded and extracted at once."""
_HELD = 1 << 21
"""Values of images that are worked on at once where every activation is held."""

SELECTIONS = ("cumulative", "absolute", "hybrid")
THRESHOLD_IMAGES = 32
"""Correctly predicted images that absolute thresholds come from; all are walked at once."""


@dataclass(frozen=True)
class Correct(Generic[R]):
    """Correctly classified images of one role.

    Attributes:
        indices: their positions in the data set, ``(n,)``.
        accuracy: share of the role's images, as far as they were looked at, that are correct.
        misclassified: pixels of the others.
    """

    indices: Indices
    pixels: Tensor
    labels: Tensor
    accuracy: float
    misclassified: Tensor


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
    for chunk in track(_chunks(images), "profiling"):
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


def correct_images(network: Network, images: Images[R], limit: int) -> Correct[R]:
    """Return the first ``limit`` correctly classified images among ``images``.

    Raises:
        FitError: there is none.
    """
    dataset = images.dataset
    kept, pixels, wrong, seen = [], [], [], 0
    for chunk in _chunks(images.positions):
        batch = dataset.pixels(chunk, network.preprocessing)
        right = network.predict(batch).numpy() == dataset.labels[chunk]
        kept.append(chunk[right])
        pixels.append(batch[torch.from_numpy(right)])
        wrong.append(batch[torch.from_numpy(~right)])
        seen += len(chunk)
        if sum(map(len, kept)) >= limit:
            break
    found = sum(map(len, kept))
    if not found:
        raise FitError(
            f"{dataset.name}: the network predicts none of {seen} images correctly; check labels and weights."
        )
    indices = np.concatenate(kept)[:limit]
    labels = torch.from_numpy(dataset.labels[indices])
    return Correct(indices, torch.cat(pixels)[:limit], labels, found / seen, torch.cat(wrong))


def features_of(
    extractor: Extractor, signatures: ClassSignatures, pixels: Tensor, thorough: bool, title: str = "extracting"
) -> tuple[FeatureTable, Indices]:
    """Return features and predicted classes of many images, chunk by chunk."""
    tables, predicted = [], []
    for chunk in track(torch.split(pixels, CHUNK), title):
        paths, table = measure(extractor, signatures, chunk, thorough)
        tables.append(table)
        predicted.append(paths.seeds)
    return FeatureTable(tables[0].features, np.vstack([t.values for t in tables])), np.concatenate(predicted)


def at_once(pixels: Tensor) -> int:
    """Return how many images of this size to work on at once where all of their activations are held."""
    return min(CHUNK, max(1, _HELD // pixels.shape[1:].numel()))


def craft_all(attack: Attack, network: Network, correct: Correct[R], crafting: Crafting) -> Crafted:
    """Attack all images, chunk by chunk, fewer at once if they are large; what is cached is not crafted again."""
    size = at_once(correct.pixels)  # gradients hold all activations
    pairs = list(zip(torch.split(correct.pixels, size), torch.split(correct.labels, size), strict=True))
    parts = [crafting.craft(attack, network, x, y) for x, y in track(pairs, f"attack {attack.name}")]
    columns = zip(*((part.pixels, part.success, part.success_unrounded) for part in parts), strict=True)
    return Crafted(*(torch.cat(column) for column in columns))


def control_all(control: Control, network: Network, correct: Correct[R], seed: int) -> Controlled:
    """Change all images benignly, chunk by chunk."""
    pairs = zip(torch.split(correct.pixels, CHUNK), torch.split(correct.labels, CHUNK), strict=True)
    parts = [apply(control, network, pixels, labels, seed) for pixels, labels in pairs]
    return Controlled(torch.cat([part.pixels for part in parts]), torch.cat([part.kept for part in parts]))


def _chunks(images: Indices) -> list[Indices]:
    return [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
