"""The second offline job: fit a detector on attacked images that were not profiled, and calibrate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import Dataset, matched_data
from pathprint.profiling.data.roles import ROLES, Split, split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.calibration import check_promise
from pathprint.profiling.detection.classifiers.classifier import needs_attacks
from pathprint.profiling.detection.classifiers.fitting import FEWEST_IMAGES
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.made_of import MadeOf
from pathprint.profiling.errors import FitError, OptionsError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.jobs.accuracy import check_accuracy
from pathprint.profiling.jobs.fit_inputs import FitInputs, Sizes
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.signatures.compact import served


@dataclass(frozen=True, slots=True)
class FitOptions:
    """Options of fitting.

    Attributes:
        classifier: one of ``classifiers.CHOICES``.
        target_fpr: largest share of clean images to flag, above 0 and below 1.
        sizes: most images per role.
        seed: of the attacks.
        cache: folder of attacked images to read from and to add to; None keeps nothing.
    """

    classifier: str = "auto"
    target_fpr: float = 0.05
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 0
    cache: Path | None = None


def fit(
    profile: NetworkProfile | str | Path,
    data: Dataset | str | Path | None = None,
    *,
    attacks: Sequence[str] | None = None,
    classifier: str = "auto",
    thorough: bool = False,
    target_fpr: float = 0.05,
    fit_images: int = 400,
    calibration_images: int = 1000,
    cache: str | Path | None = None,
    seed: int = 0,
    any_accuracy: bool = False,
) -> Bundle:
    """Fit a detector on a profiled network, and calibrate its threshold on clean images.

    Images that were profiled are left out. The others are divided among fitting, calibration and testing.

    Args:
        profile: what ``pathprint.profile`` returned, or the folder that it was saved in.
        data: images to fit on; the default is the data that was profiled, if that is one data set.
        attacks: names of the attacks to fit on, see ``pathprint attacks``; the default is a whole suite.
        classifier: one of ``classifiers.CHOICES``; ``one-class`` needs no attacks.
        thorough: also classify slightly changed copies of each image (test-time views); detects more, costs more.
        target_fpr: largest share of clean images to flag, above 0 and below 1.
        fit_images, calibration_images: most correctly predicted images of each role.
        cache: folder that keeps attacked images, so that an interrupted run continues where it stopped.
        seed: of the attacks; the same seed gives the same bundle.
        any_accuracy: go on even if the network is right no more often than by chance.

    Raises:
        SignatureError: the profile cannot be read.
        DataError, SplitError: the data cannot be read, do not fit the network, or leave a role without images.
        OptionsError: there is no such attack, or attacks are named for a classifier that is fitted without attacks, or
            the profile was merged from several data sets and ``data`` is not given.
        MissingExtraError: an attack that is named comes from a library that is not installed.
        FitError: there is no such classifier, the network is right no more often than by chance, too few images are
            usable, or no attack succeeded.
        CalibrationError: the target false-positive rate is not between 0 and 1, or there are too few clean images
            for it.
    """
    check_promise(calibration_images, target_fpr)
    folder = None if cache is None else Path(cache)
    wanted = FitOptions(classifier, target_fpr, Sizes(fit_images, calibration_images), seed, folder)
    made = profile if isinstance(profile, NetworkProfile) else NetworkProfile.load(profile)
    network = made.extractor.network
    crafted = _attacks(network, attacks, wanted.classifier)  # checked before any work
    images = made.data_to_fit_on() if data is None else data
    class_map = made.class_map_of(images.name if isinstance(images, Dataset) else str(images))
    dataset = matched_data(images, network.labels, class_map)
    parts = split(dataset, made.keys, made.seed)
    _check_sizes(parts, wanted)
    check_accuracy(network, dataset, parts.fit.positions, any_accuracy)
    maker = FeatureMaker(made.extractor, served(made.signatures), thorough)
    return bundle_of(fit_detector(maker, parts, crafted, wanted), parts, class_map)


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


def bundle_of(detector: Detector, parts: Split, class_map: Mapping[str, int] | None = None) -> Bundle:
    """Return the bundle of a detector that was made from the images of ``parts``; the test images stay unseen.

    Args:
        class_map: class number of each folder of the data, if the user had to say so.
    """
    used = {role: parts.keys(role) for role in ROLES if role != "test"}
    first = parts.calibrate.positions[:1]
    golden = parts.dataset.pixels(first, detector.network.preprocessing)[0]
    return Bundle(detector, used, golden, MadeOf(parts.dataset.name, class_map))


def fit_detector(maker: FeatureMaker, parts: Split, attacks: Sequence[Attack], options: FitOptions) -> Detector:
    """Fit on the fit images of ``parts`` and attacks on them, and calibrate on its clean calibration images.

    Raises:
        FitError: too few usable images, no attack succeeded, or there is no such classifier.
        CalibrationError: too few clean images for the target false-positive rate.
    """
    learnt_from = attacks if needs_attacks(options.classifier) else ()
    inputs = FitInputs.of(maker, parts, learnt_from, Crafting(options.seed, options.cache), options.sizes)
    return inputs.detector(options.classifier, options.target_fpr)
