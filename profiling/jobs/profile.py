"""The first offline job: record the paths of training images, and add them up to class signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pathprint.models.network import Network
from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.classes import named_labels
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import Dataset, matched_data
from pathprint.profiling.data.roles import Images, Profile, profile_images
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.jobs.accuracy import check_accuracy
from pathprint.profiling.jobs.correct_paths import class_signatures, signatures_and_synapses
from pathprint.profiling.jobs.defaults import PROFILE_PER_CLASS, SELECTIONS
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.thresholds import calibrated

_THRESHOLD_IMAGES = 32
"""Number of correctly predicted images that absolute thresholds are set from; all are extracted in one batch."""


@dataclass(frozen=True, slots=True)
class PathKind:
    """Which path is recorded of each image; the fields are the arguments of ``profile``."""

    policy: Policy
    selection: str
    forward: bool

    def __post_init__(self) -> None:
        if self.selection not in SELECTIONS:
            raise OptionsError(f"selection is {self.selection!r}; allowed: {', '.join(SELECTIONS)}.")


def profile(
    network: Network,
    data: Dataset | str | Path,
    *,
    policy: Policy | None = None,
    selection: str = "cumulative",
    forward: bool = False,
    synapses: bool = False,
    images_per_class: int = PROFILE_PER_CLASS,
    class_map: Mapping[str, int] | None = None,
    seed: int = 0,
    any_accuracy: bool = False,
) -> NetworkProfile:
    """Record the paths of training images, and return the class signatures that they add up to.

    Args:
        data: a data set, or what names one: ``digits``, a folder or ``.zip`` of class folders, or an ``.npz``
            file. If the data set has test images, all others are profiled; if not, half of all images.
        policy: the options of the extraction; the default is the whole cumulative path.
        selection: how weighted layers choose contributions: ``cumulative``, ``absolute``, or ``hybrid``, which is
            absolute in the first half of the layers. Absolute thresholds are set from profile images.
        forward: take every layer's path from its own largest outputs, instead of walking back from the prediction.
        synapses: also keep the union of the synapses of each class; needs pyroaring.
        images_per_class: most correctly predicted images of each class.
        class_map: the network's class number of each folder of the data; needed if the folders are not named like
            the network's classes. It also names the classes of a network that was captured without labels.
        seed: of the order of the images.
        any_accuracy: go on even if the network is right hardly more often than by chance.

    Raises:
        DataError: the data cannot be read, or do not fit the network's classes.
        OptionsError: an option is out of range, or does not fit the network.
        FitError: the network is right hardly more often than by chance.
        MissingExtraError: synapses are asked for, and pyroaring is not installed.
    """
    kind = PathKind(policy or Policy(), selection, forward)
    network = replace(network, labels=named_labels(network.labels, class_map))
    dataset = matched_data(data, network.labels, class_map)
    images = profile_images(dataset, seed)
    tried = check_accuracy(network, dataset, images, any_accuracy).record()
    extractor = _extractor(network, dataset, images, kind)
    keys = frozenset(dataset.keys[images].tolist())
    folders = None if class_map is None else dict(class_map)
    listed = None
    if synapses:
        signatures, listed = signatures_and_synapses(extractor, dataset, images, images_per_class)
    else:
        signatures = class_signatures(extractor, dataset, images, images_per_class)
    looks = dataset.looks[images]
    return NetworkProfile(extractor, signatures, keys, dataset.name, seed, folders, listed, tried, looks)


def _extractor(network: Network, dataset: Dataset, images: Indices, kind: PathKind) -> Extractor:
    """Return the extractor; thresholds, if ``kind`` needs any, are set from the first of ``images``."""
    extractor = Extractor(network, kind.policy)
    if kind.selection == "cumulative" and not kind.forward:
        return extractor
    names = extractor.layout.names
    absolute = {"cumulative": [], "absolute": names, "hybrid": names[: len(names) // 2]}[kind.selection]
    clean = correct_images(network, Images[Profile](dataset, images), _THRESHOLD_IMAGES)
    return replace(extractor, policy=calibrated(extractor, clean.pixels, absolute, kind.forward))
