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
from pathprint.profiling.detection.cascade import Cascade, one_stage
from pathprint.profiling.detection.classifiers.classifier import needs_attacks
from pathprint.profiling.detection.classifiers.fitting import fit
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.evidence import Usual
from pathprint.profiling.detection.fitted_on import Fitting, SeenAttack, StageChoice, ViewChoice
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.tiers import THOROUGH_BUDGET, Tier
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.stage_choice import choose_stages
from pathprint.profiling.jobs.view_choice import Order, candidates, choose, in_order


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
        order: the order of all views in a cascade; empty for a detector of one stage.
        budget: what a clean image may cost on average in a cascade, counted in inferences.
    """

    maker: FeatureMaker
    data: FitData
    seed: int
    clean: Floats
    predicted: Indices
    view_choice: ViewChoice | None = None
    order: Order = ()
    budget: float = THOROUGH_BUDGET

    @staticmethod
    def of(
        maker: FeatureMaker,
        split: Split,
        attacks: Sequence[Attack],
        crafting: Crafting,
        sizes: Sizes,
        tier: Tier = "fast",
        budget: float = THOROUGH_BUDGET,
    ) -> FitInputs:
        """Attack the fit images of ``split``; measure clean, changed and attacked fit images, and calibration images.

        The views of ``maker`` are replaced with those of ``tier``; that of the standard tier, and the order of those of
        the thorough one, are chosen on fit images. Without attacks there is no order: all are asked about at once.

        Raises:
            FitError: the network predicts no fit image or no calibration image correctly.
        """
        maker = replace(maker, views=candidates(tier))
        data = FitData.of(maker, correct_images(maker.network, split.fit, sizes.fit), attacks, crafting)
        choice = choose(maker.network, data) if tier == "standard" else None
        order = in_order(data) if tier == "thorough" and attacks else ()
        if views := (choice.view,) if choice else tuple(view for view, _ in order):
            maker, data = replace(maker, views=views), data.asking(views)
        held = correct_images(maker.network, split.calibrate, sizes.calibrate)
        clean, predicted = maker.make_all(held.pixels)
        return FitInputs(maker, data, crafting.seed, clean.values, predicted, choice, order, budget)

    def detector(self, classifier: str, target_fpr: float = 0.05) -> Detector:
        """Return a detector whose classifier is fitted on all attacks, or on clean images if it needs no attacks.

        Raises:
            FitError: no attack succeeded, there are too few images to fit on, or the budget is less than they allow.
            CalibrationError: too few clean images for the target false-positive rate.
        """
        data = self.data
        score, stages = self._score(classifier)
        known = score.stages[-1].known
        clean = self.clean[:, :known]
        clean_scores = np.sort(score.total(clean))
        seen = tuple(SeenAttack(attack.declaration(), len(data.values[attack.name])) for attack in data.attacks)
        return Detector(
            maker=replace(self.maker, views=score.views),
            features=data.features[:known],
            score=score,
            usual=Usual.of(clean, self.predicted),
            calibration=calibrate(clean_scores, target_fpr, score.highest_accepted),
            clean_scores=clean_scores,
            fitting=Fitting(len(data.clean.indices), seen, self.seed, self.view_choice, stages),
        )

    def _score(self, classifier: str) -> tuple[Cascade, StageChoice | None]:
        data = self.data
        if self.order and needs_attacks(classifier):
            return choose_stages(classifier, data, self.order, self.budget)
        examples = data.examples(data.attacks) if needs_attacks(classifier) else data.clean_examples
        return one_stage(fit(classifier, examples), examples.features), None
