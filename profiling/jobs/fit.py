"""The last offline step: fit a detector on taught examples and calibrate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.calibration import calibrate
from pathprint.profiling.detection.classifiers import fit
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.evidence import Usual
from pathprint.profiling.detection.fitted_on import Fitting, SeenAttack
from pathprint.profiling.detection.kinds import KINDS, ONE_CLASS
from pathprint.profiling.detection.one_class import one_class
from pathprint.profiling.detection.scores import Score, total
from pathprint.profiling.errors import FitError
from pathprint.profiling.features.measure import Measuring, features_of
from pathprint.profiling.jobs.examples import Taught
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.signatures.counts import ClassSignatures


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many images fitting uses at most."""

    fit: int = 400
    calibrate: int = 1000


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What to fit.

    Attributes:
        classifier: one of ``kinds.KINDS``; one-class learns from no attack.
        target_fpr: largest share of clean images to flag.
        thorough: also use the stability features.
        seed: of the attacks.
        cache: folder of attacked images to read and to add to.
    """

    classifier: str = "auto"
    target_fpr: float = 0.05
    thorough: bool = False
    seed: int = 0
    cache: Path | None = None

    @property
    def crafting(self) -> Crafting:
        return Crafting(self.seed, self.cache)


@dataclass(frozen=True)
class Ground:
    """What a detector is fitted and calibrated on, measured once.

    Attributes:
        measuring: how the features came about.
        seed: of the attacks.
        clean: features of the clean calibration images, ``(n, f)``.
        predicted: their predicted classes, ``(n,)``.
    """

    measuring: Measuring
    taught: Taught
    seed: int
    clean: Floats
    predicted: Indices

    @staticmethod
    def of(measuring: Measuring, split: Split, attacks: Sequence[Attack], crafting: Crafting, sizes: Sizes) -> Ground:
        """Attack the split's fit images, and measure these and its clean calibration images.

        Raises:
            FitError: the network predicts none of either correctly.
        """
        network = measuring.extractor.network
        taught = Taught.of(measuring, correct_images(network, split.fit, sizes.fit), attacks, crafting)
        held = correct_images(network, split.calibrate, sizes.calibrate)
        parts = (measuring.extractor, measuring.signatures, held.pixels, measuring.thorough)
        clean, predicted = features_of(*parts, "calibrating")
        return Ground(measuring, taught, crafting.seed, clean.values, predicted)

    def detector(self, classifier: str, target_fpr: float = 0.05) -> Detector:
        """Return the detector that has learnt from all attacks, or from none.

        Raises:
            FitError: no attack succeeded, or too few images are there to learn from.
            CalibrationError: too few clean images for the target false-positive rate.
        """
        taught = self.taught
        score = self._score(classifier)
        clean_scores = np.sort(total(score, self.clean))
        seen = tuple(SeenAttack(attack.declaration(), len(taught.values[attack.name])) for attack in taught.attacks)
        return Detector(
            extractor=self.measuring.extractor,
            signatures=self.measuring.signatures,
            features=taught.features,
            score=score,
            usual=Usual.of(self.clean, self.predicted, score),
            calibration=calibrate(clean_scores, target_fpr),
            clean_scores=clean_scores,
            fitting=Fitting(len(taught.clean.indices), seen, self.seed),
            thorough=self.measuring.thorough,
        )

    def _score(self, classifier: str) -> Score:
        taught = self.taught
        if classifier == ONE_CLASS:
            return one_class(taught.features, taught.clean_values)
        return fit(classifier, taught.examples(taught.attacks))


def fit_detector(
    extractor: Extractor,
    signatures: ClassSignatures,
    split: Split,
    attacks: Sequence[Attack],
    options: FitOptions,
    sizes: Sizes,
) -> Detector:
    """Fit on the split's fit images and attacks on them; calibrate on its clean calibration images.

    Raises:
        FitError: too few usable images, no attack succeeded, or there is no such classifier.
        CalibrationError: too few clean images for the target false-positive rate.
    """
    if options.classifier not in KINDS:  # hours of crafting should not end at a misspelt name
        raise FitError(f"there is no classifier {options.classifier!r}; allowed: {', '.join(KINDS)}.")
    measuring = Measuring(extractor, signatures, options.thorough)
    ground = Ground.of(measuring, split, learnt(options.classifier, attacks), options.crafting, sizes)
    return ground.detector(options.classifier, options.target_fpr)


def learnt(classifier: str, attacks: Sequence[Attack]) -> Sequence[Attack]:
    """Return the attacks that a classifier of this kind learns from."""
    return () if classifier == ONE_CLASS else attacks
