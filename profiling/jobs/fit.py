"""The second offline job: fit a detector on attacked images that were not profiled, and calibrate it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from pathprint.models.network import Network, canonical_json
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.identity import NO_KEYS, Keys64
from pathprint.profiling.data.likeness import warn_of_copies
from pathprint.profiling.data.roles import ROLES, Split, split, unseen
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.calibration import check_promise
from pathprint.profiling.detection.classifiers.classifier import needs_attacks
from pathprint.profiling.detection.classifiers.fitting import FEWEST_IMAGES
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.made_of import MadeOf
from pathprint.profiling.detection.together import AT_ONCE, examine_together, is_close
from pathprint.profiling.errors import FitError, OptionsError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.tiers import DEFAULT_TIER, THOROUGH_BUDGET, Tier, tier_for
from pathprint.profiling.jobs.accuracy import check_accuracy
from pathprint.profiling.jobs.crafting_ahead import crafting_of
from pathprint.profiling.jobs.fit_inputs import FitInputs, Sizes
from pathprint.profiling.jobs.images import JobImages, job_images
from pathprint.profiling.jobs.job import THIS_PROCESS, Job
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.jobs.probe_fitting import with_probes
from pathprint.profiling.jobs.version import version
from pathprint.profiling.signatures.compact import served


@dataclass(frozen=True, slots=True)
class FitOptions:
    """Options of fitting.

    Attributes:
        classifier: one of ``classifiers.CHOICES``.
        tier: how closely the detector looks at each image, see ``tiers``; None for the usual one, or for the thorough
            one if there is a budget.
        target_fpr: largest share of clean images to flag, above 0 and below 1.
        sizes: most images per role.
        crafting: seed and cache of the attacks.
        budget: what a clean image may cost on average in the thorough tier, counted in inferences; None for the usual.

    Raises:
        OptionsError: there is no such tier, or the budget does not go with it or with the classifier.
    """

    classifier: str = "auto"
    tier: Tier | None = None
    target_fpr: float = 0.05
    sizes: Sizes = field(default_factory=Sizes)
    crafting: Crafting = field(default_factory=Crafting)
    budget: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tier", tier_for(self.tier, self.budget))
        if self.budget is not None and not needs_attacks(self.classifier):
            raise OptionsError(
                f"the classifier {self.classifier} learns from no attack, so nothing says which images a stage may "
                "accept; give no budget, or a classifier that learns from attacks."
            )


def fit(
    profile: NetworkProfile | str | Path,
    data: Dataset | str | Path | None = None,
    *,
    attacks: Sequence[str] | None = None,
    classifier: str = "auto",
    tier: Tier | None = None,
    budget: float | None = None,
    target_fpr: float = 0.05,
    fit_images: int = 400,
    calibration_images: int = 1000,
    cache: str | Path | None = None,
    seed: int = 0,
    any_accuracy: bool = False,
    job: Job = THIS_PROCESS,
) -> Bundle:
    """Fit a detector on a profiled network, and calibrate its threshold on clean images.

    Images that were profiled are left out. The others are divided among fitting, calibration and testing.

    Args:
        profile: what ``pathprint.profile`` returned, or the folder that it was saved in.
        data: images to fit on; the default is the data that was profiled, if that is one data set.
        attacks: names of the attacks to fit on, see ``pathprint attacks``; the default is a whole suite.
        classifier: one of ``classifiers.CHOICES``; ``one-class`` needs no attacks.
        tier: ``fast`` looks at each image once; ``standard``, the default, also at one slightly changed copy of it (a
            test-time view), which is chosen on fit images; ``thorough`` at more views of images that are still in
            doubt. Each detects more, and costs more.
        budget: what a clean image may cost on average in the thorough tier, counted in inferences: 2 for the recorded
            inference and the walk, 1 for each view. The default is 4.
        target_fpr: largest share of clean images to flag, above 0 and below 1.
        fit_images, calibration_images: most correctly predicted images of each role.
        cache: folder that keeps attacked images, so that an interrupted run continues where it stopped.
        seed: of the attacks; the same seed gives the same bundle.
        any_accuracy: go on even if the network is right hardly more often than by chance.
        job: who attacks the images, and where what is done is kept so that it can be continued.

    Raises:
        SignatureError: the profile cannot be read.
        DataError, SplitError: the data cannot be read, do not fit the network, or leave a role without images.
        OptionsError: there is no such attack or tier, the budget does not go with tier or classifier, attacks are
            named for a classifier that is fitted without attacks, or the profile was merged from several data sets and
            ``data`` is not given.
        MissingExtraError: an attack that is named comes from a library that is not installed.
        FitError: there is no such classifier, the network is right hardly more often than by chance, too few images are
            usable, no attack succeeded, or the budget is less than fit images allow.
        CalibrationError: the target false-positive rate is not between 0 and 1, or there are too few clean images
            for it.
        JobError: the folder of the run belongs to another job, or workers are lost again and again.
    """
    check_promise(calibration_images, target_fpr)
    crafting = Crafting(seed, None if cache is None else Path(cache))
    wanted = FitOptions(classifier, tier, target_fpr, Sizes(fit_images, calibration_images), crafting, budget)
    made = profile if isinstance(profile, NetworkProfile) else NetworkProfile.load(profile)
    network = made.extractor.network
    crafted = _attacks(network, attacks, wanted.classifier)  # checked before any work
    named = made.data_to_fit_on() if data is None else data
    class_map = made.class_map_of(named.name if isinstance(named, Dataset) else str(named))
    images = job_images(network.labels, named, class_map, made.predicted)
    with job.begun(_plan(made, images, crafted, wanted), len(images.dataset), images.in_memory) as begun:
        stored = begun.stored(network)
        usable = images.looked_at(begun, stored, job.max_bad_fraction)
        parts = split(usable.dataset, made.keys, made.seed)
        _check_sizes(parts, wanted)
        warn_of_copies(usable.dataset, unseen(usable.dataset, made.keys), made.looks)
        tried = check_accuracy(network, usable.dataset, parts.fit.positions, any_accuracy).record()
        maker = FeatureMaker(made.extractor, served(made.signatures))
        if wanted.tier == "fast":  # beside a view, probes gain nothing (docs/experiments/probes.md)
            maker = with_probes(maker, parts.profiled)
        of = MadeOf(usable.dataset.name, class_map, tried, made.predicted)
        by_workers = crafting_of(begun, images.source, stored, usable.origins, wanted.crafting)
        detector = fit_detector(maker, parts, crafted, replace(wanted, crafting=by_workers))
        return bundle_of(detector, parts, of, made.looks)


def _plan(made: NetworkProfile, images: JobImages, attacks: Sequence[Attack], options: FitOptions) -> dict[str, Any]:
    """Return everything that decides the bundle."""
    return {
        "job": "fit",
        **images.facts(),
        "profile": hashlib.sha256(canonical_json([made.extractor.fingerprint, sorted(made.keys)])).hexdigest(),
        "attacks": [attack.declaration() for attack in attacks],
        "classifier": options.classifier,
        "tier": options.tier,
        "budget": options.budget,
        "target_fpr": options.target_fpr,
        "most_images": {"fit": options.sizes.fit, "calibrate": options.sizes.calibrate},
        "seed": options.crafting.seed,
        "version": version(),
    }


def _check_sizes(parts: Split, options: FitOptions) -> None:
    """Refuse data that cannot be enough even if the network predicts every image correctly."""
    check_promise(len(parts.calibrate), options.target_fpr)
    if needs_attacks(options.classifier) and len(parts.fit) < FEWEST_IMAGES:
        raise FitError(
            f"{parts.dataset.name} has {len(parts.fit)} images to fit on; at least {FEWEST_IMAGES} are needed."
        )


def _attacks(network: Network, names: Sequence[str] | None, classifier: str) -> list[Attack]:
    if needs_attacks(classifier):
        return chosen(network, names)
    if names:
        raise OptionsError(f"the classifier {classifier} learns from no attack; name no attacks.")
    return []


def bundle_of(detector: Detector, parts: Split, made_of: MadeOf | None = None, profiled: Keys64 = NO_KEYS) -> Bundle:
    """Return the bundle of a detector that was made from the images of ``parts``; the test images stay unseen.

    Args:
        made_of: the data that the images lie in; None for the data set of ``parts`` and no more.
        profiled: looks of the profiled images.
    """
    used = {role: parts.keys(role) for role in ROLES if role != "test"}
    golden = _golden(detector, parts)
    looks = parts.dataset.looks[np.concatenate([parts.fit.positions, parts.calibrate.positions])]
    made = made_of or MadeOf(parts.dataset.name)
    return Bundle(detector, used, golden, made, np.concatenate([profiled, looks]))


def _golden(detector: Detector, parts: Split) -> Tensor:
    """Return a calibration image that went as far through the stages as any of the first, but is near no limit."""
    pixels = parts.dataset.pixels(parts.calibrate.positions[:AT_ONCE], detector.network.preprocessing)
    verdicts = examine_together(detector, list(pixels))
    clear = [i for i, verdict in enumerate(verdicts) if not is_close(detector, verdict)] or [0]
    return pixels[max(clear, key=lambda i: verdicts[i].stage)]


def fit_detector(maker: FeatureMaker, parts: Split, attacks: Sequence[Attack], options: FitOptions) -> Detector:
    """Fit on the fit images of ``parts`` and attacks on them, and calibrate on its clean calibration images.

    The views of ``maker`` are replaced with those of the tier in ``options``.

    Raises:
        FitError: too few usable images, no attack succeeded, or there is no such classifier.
        CalibrationError: too few clean images for the target false-positive rate.
    """
    learnt_from = attacks if needs_attacks(options.classifier) else ()
    tier, budget = options.tier or DEFAULT_TIER, options.budget or THOROUGH_BUDGET
    inputs = FitInputs.of(maker, parts, learnt_from, options.crafting, options.sizes, tier, budget)
    return inputs.detector(options.classifier, options.target_fpr)
