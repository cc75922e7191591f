"""The first offline job: record the paths of training images, and add them up to class signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pathprint.models.network import Network
from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.classes import named_labels
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Images, Profile, profile_images
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.jobs.accuracy import check_accuracy
from pathprint.profiling.jobs.class_counts import Quota
from pathprint.profiling.jobs.class_signatures import by_class, counted, signatures
from pathprint.profiling.jobs.class_signatures import synapses as synapses_of
from pathprint.profiling.jobs.counting import Counting
from pathprint.profiling.jobs.defaults import PROFILE_PER_CLASS, SELECTIONS
from pathprint.profiling.jobs.images import job_images
from pathprint.profiling.jobs.job import THIS_PROCESS, Job
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.jobs.version import version
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
    predicted: bool = False,
    seed: int = 0,
    any_accuracy: bool = False,
    job: Job = THIS_PROCESS,
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
        predicted: take the network's own answers for labels, whatever the images are called; for images of which
            nobody knows the classes.
        seed: of the order of the images.
        any_accuracy: go on even if the network is right hardly more often than by chance.
        job: who does the work, and where it is kept so that it can be continued.

    Raises:
        DataError: the data cannot be read, or do not fit the network's classes, or too many images are bad.
        OptionsError: an option is out of range, or does not fit the network.
        FitError: the network is right hardly more often than by chance.
        MissingExtraError: synapses are asked for, and pyroaring is not installed; or Ray is asked for, and is not.
        JobError: the folder of the run belongs to another job, or workers are lost again and again.
        OutputError: the run cannot be written, as when the disk is full.
    """
    kind = PathKind(policy or Policy(), selection, forward)
    network = replace(network, labels=named_labels(network.labels, class_map))
    images = job_images(network.labels, data, class_map, predicted)
    plan = {
        "job": "profile",
        **images.facts(),
        "network": network.fingerprint,
        "policy": kind.policy.to_dict(),
        **{"selection": selection, "forward": forward, "synapses": synapses, "seed": seed, "version": version()},
        **{"images_per_class": images_per_class, "class_map": None if class_map is None else dict(class_map)},
    }
    with job.begun(plan, len(images.dataset), images.in_memory) as begun:
        stored = begun.stored(network)
        usable = images.looked_at(begun, stored, job.max_bad_fraction)
        chosen = profile_images(usable.dataset, seed)
        tried = None if predicted else check_accuracy(network, usable.dataset, chosen, any_accuracy).record()
        extractor = _extractor(network, usable.dataset, chosen, kind)
        listing = replace(extractor, policy=replace(extractor.policy, synapses=synapses))
        counting = Counting.of(listing, images.source, stored)
        quota = Quota(_origins(by_class(usable.dataset.labels, chosen), usable.origins), images_per_class)
        counts = counted(begun.run, begun.engine, counting, quota)
        return NetworkProfile(
            extractor,
            signatures(counts, extractor, begun.run.folder),
            frozenset(usable.dataset.keys[chosen].tolist()),
            images.dataset.name,
            seed,
            None if class_map is None else dict(class_map),
            synapses_of(counts, extractor) if synapses else None,
            tried,
            usable.dataset.looks[chosen],
            predicted,
            version=version(),
        )


def _origins(images: Mapping[int, Indices], origins: Indices) -> dict[int, Indices]:
    return {label: origins[positions] for label, positions in images.items()}


def _extractor(network: Network, dataset: Dataset, images: Indices, kind: PathKind) -> Extractor:
    """Return the extractor; thresholds, if ``kind`` needs any, are set from the first of ``images``."""
    extractor = Extractor(network, kind.policy)
    if kind.selection == "cumulative" and not kind.forward:
        return extractor
    names = extractor.layout.names
    absolute = {"cumulative": [], "absolute": names, "hybrid": names[: len(names) // 2]}[kind.selection]
    clean = correct_images(network, Images[Profile](dataset, images), _THRESHOLD_IMAGES)
    return replace(extractor, policy=calibrated(extractor, clean.pixels, absolute, kind.forward))
