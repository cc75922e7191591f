"""Evaluate a bundle on images that were not used to make it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pathprint.models.network import Network, canonical_json
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen, transfers
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.likeness import warn_of_copies
from pathprint.profiling.data.roles import split_again
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.errors import DataError
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.options import Options
from pathprint.profiling.evaluation.per_image import write_scores
from pathprint.profiling.evaluation.protocol import Outcome, measured_outcome
from pathprint.profiling.jobs.crafting_ahead import crafting_of
from pathprint.profiling.jobs.images import JobImages, job_images
from pathprint.profiling.jobs.job import THIS_PROCESS, Job
from pathprint.profiling.jobs.version import version
from pathprint.profiling.writing.table import check_table


def evaluate(
    bundle: Bundle | str | Path,
    data: Dataset | str | Path | None = None,
    *,
    attacks: Sequence[str] | None = None,
    class_map: Mapping[str, int] | None = None,
    class_names: Sequence[str] | None = None,
    images: int = 500,
    full: bool = False,
    paper_protocol: bool = False,
    adaptive: int = 0,
    cache: str | Path | None = None,
    scores: str | Path | None = None,
    transfer_from: Network | None = None,
    seed: int = 1,
    any_accuracy: bool = False,
    job: Job = THIS_PROCESS,
) -> Report:
    """Return how well a bundle tells clean from attacked images, on images that were not used to make it.

    Args:
        bundle: what ``pathprint.fit`` returned, or the folder that it was saved in.
        data: labelled images; those that the bundle was made from are left out of the test. The default is the data
            that the bundle was made of, found by the name that was used then.
        attacks: names of the attacks to test; the default is a whole suite.
        class_map: the network's class number of each folder of the data; needed if the folders are not named like
            the network's classes.
        class_names: what the network's classes are called, in the order of its outputs; the default is what the bundle
            calls them.
        images: most correctly predicted test images.
        full: also measure all attacks, benign changes, other detectors, and classifiers that have not seen
            the attacks that they are tested on. Slow.
        paper_protocol: also measure with the papers' leaky split, to compare with published figures.
        adaptive: most test images for the adaptive attack, by an attacker who knows the detector. Slow.
        cache: folder that keeps attacked images, so that an interrupted run continues where it stopped.
        scores: table to write with a line for each image and attack (``per_image.JudgedImage``); its ending says the
            format: ``.parquet``, ``.jsonl`` or ``.csv``.
        transfer_from: another network for the same images, which attacks are crafted on as well.
        seed: of the attacks; choose another one than the bundle was fitted with.
        any_accuracy: go on even if the network is right hardly more often than by chance.
        job: who attacks the images, and where what is done is kept so that it can be continued.

    Raises:
        BundleError: the bundle cannot be read, or cannot be fitted again, which ``full`` and ``paper_protocol`` need.
        DataError, SplitError: the data cannot be read, do not fit the network, or have no unseen image.
        OptionsError: there is no such attack, ``scores`` has another ending, or ``transfer_from`` does not answer the
            images that the bundle's network answers with the classes that it has.
        MissingExtraError: an attack that is named comes from a library that is not installed, or pyarrow is needed.
        OutputError: ``scores`` cannot be written.
        FitError: the network is right hardly more often than by chance, or on no image of a role.
    """
    if scores is not None:
        check_table(Path(scores))
    loaded = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
    crafted = chosen(loaded.detector.network, attacks, "full" if full else "default")  # checked before any work
    if transfer_from is not None:
        crafted += transfers(loaded.detector.network, transfer_from)
    found = _images(loaded, data, class_map, _labels(loaded, class_names))
    crafting = Crafting(seed, None if cache is None else Path(cache))
    options = Options(
        images, crafting=crafting, full=full, paper=paper_protocol, adaptive=adaptive, any_accuracy=any_accuracy
    )
    with job.begun(_plan(loaded, found, crafted, options), len(found.dataset), found.in_memory) as begun:
        stored = begun.stored(loaded.detector.network)
        usable = found.looked_at(begun, stored, job.max_bad_fraction)
        by_workers = crafting_of(begun, found.source, stored, usable.origins, crafting)
        measured = outcome(loaded, usable.dataset, crafted, replace(options, crafting=by_workers))
        if scores is not None:
            write_scores(Path(scores), loaded.detector, usable.dataset, measured.trial)
        return measured.report


def _plan(bundle: Bundle, images: JobImages, attacks: Sequence[Attack], options: Options) -> dict[str, Any]:
    """Return everything that decides the figures."""
    return {
        "job": "evaluate",
        **images.facts(),
        "detector": hashlib.sha256(canonical_json(bundle.detector.fitting.to_dict())).hexdigest(),
        "network": bundle.detector.network.fingerprint,
        "bundle": bundle.sha256,
        "attacks": [attack.declaration() for attack in attacks],
        "most_images": options.images,
        "measured": {"full": options.full, "paper_protocol": options.paper, "adaptive": options.adaptive},
        "seed": options.crafting.seed,
        "version": version(),
    }


def _labels(bundle: Bundle, class_names: Sequence[str] | None) -> tuple[str, ...]:
    """Return what the network's classes are called."""
    network = bundle.detector.network
    if class_names is not None and len(class_names) != len(network.labels):
        raise DataError(
            f"`class_names` holds {len(class_names)} names, but {network.name} has {len(network.labels)} classes; give "
            "one name for each class, in the order of the network's outputs."
        )
    return network.labels if class_names is None else tuple(class_names)


def _images(
    bundle: Bundle, data: Dataset | str | Path | None, class_map: Mapping[str, int] | None, labels: tuple[str, ...]
) -> JobImages:
    """Return ``data``, or the data that the bundle was made of, labelled with the network's class numbers."""
    made_of = bundle.made_of
    if data is not None:
        return job_images(labels, data, class_map, predicted=False)
    if not made_of.data:
        raise DataError("the bundle does not say what data it was made of; give images to measure on with `data`.")
    try:
        return job_images(labels, made_of.data, class_map or made_of.class_map, made_of.predicted)
    except DataError as error:
        raise DataError(
            f"the data that the bundle was made of cannot be used: {str(error).rstrip('.')}. Say with `data` where "
            "they are, or give other images to measure on."
        ) from error


def outcome(bundle: Bundle, dataset: Dataset, attacks: Sequence[Attack], options: Options) -> Outcome:
    """Evaluate a loaded bundle; return the report with the images and scores that it was made from.

    Args:
        dataset: images labelled with the network's class numbers.
    """
    parts = split_again(dataset, bundle.used)
    warn_of_copies(dataset, parts.test.positions, bundle.looks)
    return measured_outcome(bundle.detector, parts, attacks, options)
