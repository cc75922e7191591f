"""The last offline step: fit a detector on taught examples and calibrate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profiling.attacks.attack import Attack
from profiling.attacks.cache import Crafting
from profiling.building import correct_images, features_of
from profiling.detection.calibration import calibrate
from profiling.detection.classifiers import fit
from profiling.detection.detector import Detector
from profiling.detection.evidence import Usual
from profiling.detection.scores import total
from profiling.detection.seen import Fitting, SeenAttack
from profiling.paths.extraction import Extractor
from profiling.signatures import ClassSignatures
from profiling.splits import Split
from profiling.teaching import Measuring, Taught


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many images fitting uses at most."""

    fit: int = 400
    calibrate: int = 1000


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What to fit.

    Attributes:
        classifier: one of ``classifiers.FITTERS``, or ``auto``.
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
        FitError: too few usable images, or no attack succeeded.
        CalibrationError: too few clean images for the target false-positive rate.
    """
    correct = correct_images(extractor.network, split.fit, sizes.fit)
    taught = Taught.of(Measuring(extractor, signatures, options.thorough), correct, attacks, options.crafting)
    score = fit(options.classifier, taught.examples(attacks))
    held = correct_images(extractor.network, split.calibrate, sizes.calibrate)
    clean, predicted = features_of(extractor, signatures, held.pixels, options.thorough, "calibrating")
    clean_scores = np.sort(total(score, clean.values))
    seen = tuple(SeenAttack(attack.declaration(), len(taught.values[attack.name])) for attack in attacks)
    return Detector(
        extractor=extractor,
        signatures=signatures,
        features=taught.features,
        score=score,
        usual=Usual.of(clean.values, predicted, score),
        calibration=calibrate(clean_scores, options.target_fpr),
        clean_scores=clean_scores,
        fitting=Fitting(len(correct.indices), seen, options.seed),
        thorough=options.thorough,
    )
