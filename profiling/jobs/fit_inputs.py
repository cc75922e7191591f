"""What a detector is fitted and calibrated on, measured once; and the detectors that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.calibration import calibrate
from pathprint.profiling.detection.classifiers.classifier import needs_attacks
from pathprint.profiling.detection.classifiers.fitting import fit
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.evidence import Usual
from pathprint.profiling.detection.fitted_on import Fitting, SeenAttack
from pathprint.profiling.detection.scores import Score, total
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.jobs.fit_data import FitData


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many images fitting uses at most."""

    fit: int = 400
    calibrate: int = 1000


@dataclass(frozen=True)
class FitInputs:
    """What a detector is fitted and calibrated on, measured once.

    Attributes:
        maker: made the features.
        data: clean fit images, their benign changes and attacks.
        seed: of the attacks.
        clean: features of the clean calibration images, ``(n, f)``.
        predicted: their predicted classes, ``(n,)``.
    """

    maker: FeatureMaker
    data: FitData
    seed: int
    clean: Floats
    predicted: Indices

    @staticmethod
    def of(maker: FeatureMaker, split: Split, attacks: Sequence[Attack], crafting: Crafting, sizes: Sizes) -> FitInputs:
        """Attack the split's fit images, and measure these and its clean calibration images.

        Raises:
            FitError: the network predicts none of either correctly.
        """
        data = FitData.of(maker, correct_images(maker.network, split.fit, sizes.fit), attacks, crafting)
        held = correct_images(maker.network, split.calibrate, sizes.calibrate)
        clean, predicted = maker.make_all(held.pixels)
        return FitInputs(maker, data, crafting.seed, clean.values, predicted)

    def detector(self, classifier: str, target_fpr: float = 0.05) -> Detector:
        """Return the detector that has learnt from all attacks, or from none.

        Raises:
            FitError: no attack succeeded, or too few images are there to learn from.
            CalibrationError: too few clean images for the target false-positive rate.
        """
        data = self.data
        score = self._score(classifier)
        clean_scores = np.sort(total(score, self.clean))
        seen = tuple(SeenAttack(attack.declaration(), len(data.values[attack.name])) for attack in data.attacks)
        return Detector(
            maker=self.maker,
            features=data.features,
            score=score,
            usual=Usual.of(self.clean, self.predicted, score),
            calibration=calibrate(clean_scores, target_fpr),
            clean_scores=clean_scores,
            fitting=Fitting(len(data.clean.indices), seen, self.seed),
        )

    def _score(self, classifier: str) -> Score:
        data = self.data
        examples = data.examples(data.attacks) if needs_attacks(classifier) else data.clean_examples
        return fit(classifier, examples)
