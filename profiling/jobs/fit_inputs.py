"""The features that a detector is fitted and calibrated on, and the detectors that are made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from pathprint.profiling.detection.fitted_on import Fitting, SeenAttack, ViewChoice
from pathprint.profiling.detection.joined import JoinedScore
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.tiers import Tier
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.view_choice import candidates, choose


@dataclass(frozen=True, slots=True)
class Sizes:
    """Most correctly predicted images to fit and to calibrate on."""

    fit: int = 400
    calibrate: int = 1000


@dataclass(frozen=True)
class FitInputs:
    """The features that a detector is fitted and calibrated on; several detectors can be made from them.

    Attributes:
        maker: makes the features.
        data: clean fit images, benign changes of them and attacks on them.
        seed: of the attacks.
        clean: features of the clean calibration images, ``(n, f)``.
        predicted: predicted classes of the clean calibration images, ``(n,)``.
        view_choice: why the detector asks about its one view; None where no view was chosen.
    """

    maker: FeatureMaker
    data: FitData
    seed: int
    clean: Floats
    predicted: Indices
    view_choice: ViewChoice | None = None

    @staticmethod
    def of(
        maker: FeatureMaker,
        split: Split,
        attacks: Sequence[Attack],
        crafting: Crafting,
        sizes: Sizes,
        tier: Tier = "fast",
    ) -> FitInputs:
        """Attack the fit images of ``split``; measure clean, changed and attacked fit images, and calibration images.

        The views of ``maker`` are replaced with those of ``tier``; that of the standard tier is chosen on fit images.

        Raises:
            FitError: the network predicts no fit image or no calibration image correctly.
        """
        maker = replace(maker, views=candidates(tier))
        data = FitData.of(maker, correct_images(maker.network, split.fit, sizes.fit), attacks, crafting)
        choice = choose(maker.network, data) if tier == "standard" else None
        if choice:
            maker, data = replace(maker, views=(choice.view,)), data.asking([choice.view])
        held = correct_images(maker.network, split.calibrate, sizes.calibrate)
        clean, predicted = maker.make_all(held.pixels)
        return FitInputs(maker, data, crafting.seed, clean.values, predicted, choice)

    def detector(self, classifier: str, target_fpr: float = 0.05) -> Detector:
        """Return a detector whose classifier is fitted on all attacks, or on clean images if it needs no attacks.

        Raises:
            FitError: no attack succeeded, or there are too few images to fit on.
            CalibrationError: too few clean images for the target false-positive rate.
        """
        data = self.data
        score = self._score(classifier)
        clean_scores = np.sort(score.total(self.clean))
        seen = tuple(SeenAttack(attack.declaration(), len(data.values[attack.name])) for attack in data.attacks)
        return Detector(
            maker=self.maker,
            features=data.features,
            score=score,
            usual=Usual.of(self.clean, self.predicted),
            calibration=calibrate(clean_scores, target_fpr),
            clean_scores=clean_scores,
            fitting=Fitting(len(data.clean.indices), seen, self.seed, self.view_choice),
        )

    def _score(self, classifier: str) -> JoinedScore:
        data = self.data
        examples = data.examples(data.attacks) if needs_attacks(classifier) else data.clean_examples
        return fit(classifier, examples)
