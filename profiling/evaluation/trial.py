"""Score and judge detectors on test images: clean ones, attacks on them and benign changes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.attacks.attack import Attack, Crafted
from pathprint.profiling.attacks.benign import Control
from pathprint.profiling.attacks.crafting import Controlled, Crafting, control_all, craft_all
from pathprint.profiling.attacks.registry import teaching
from pathprint.profiling.data.correct import CHUNK, Correct
from pathprint.profiling.data.roles import Test
from pathprint.profiling.detection.calibration import conformal_threshold
from pathprint.profiling.evaluation.figures import AttackDetection, AttackFigures, ControlDetection, DetectorFigures
from pathprint.profiling.evaluation.metrics import Resampling
from pathprint.profiling.evaluation.panel import Panel

_RATES = (0.05, 0.01)
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class PerPart(Generic[T]):
    """One value for each part of a trial: clean images, misclassified images, each attack, each control.

    Attributes:
        misclassified: None if no test image was misclassified.
    """

    clean: T
    misclassified: T | None
    attacks: Mapping[str, T]
    controls: Mapping[str, T]

    def map(self, make: Callable[[T], U]) -> PerPart[U]:
        """Return ``make`` applied to each value."""
        return PerPart(
            make(self.clean),
            None if self.misclassified is None else make(self.misclassified),
            {name: make(value) for name, value in self.attacks.items()},
            {name: make(value) for name, value in self.controls.items()},
        )


@dataclass(frozen=True)
class Trial:
    """Clean test images, attacks on them and benign changes of them.

    Attributes:
        clean: correctly classified test images, ``n`` of them; it also holds the misclassified ones.
        crafted: attacked images, by the attack's name.
        controlled: benignly changed images, by the control's name.
        answers: predicted classes of the attacked images, ``(n,)``, by the attack's name.
    """

    clean: Correct[Test]
    attacks: Sequence[Attack]
    crafted: Mapping[str, Crafted]
    controls: Sequence[Control]
    controlled: Mapping[str, Controlled]
    answers: Mapping[str, Indices]

    @staticmethod
    def of(
        network: Network,
        clean: Correct[Test],
        attacks: Sequence[Attack],
        controls: Sequence[Control],
        crafting: Crafting,
    ) -> Trial:
        """Attack the clean images and change them benignly."""
        crafting.ahead(attacks, network, clean)
        crafted = {attack.name: craft_all(attack, network, clean, crafting) for attack in attacks}
        controlled = {control.name: control_all(control, network, clean, crafting.seed) for control in controls}
        answers = {name: _answers(network, made.pixels) for name, made in crafted.items()}
        return Trial(clean, attacks, crafted, controls, controlled, answers)

    @property
    def pixels(self) -> PerPart[Tensor]:
        """The images of each part, ``n c h w``."""
        wrong = self.clean.misclassified
        return PerPart(
            clean=self.clean.pixels,
            misclassified=wrong if len(wrong) else None,
            attacks={name: made.pixels for name, made in self.crafted.items()},
            controls={name: made.pixels for name, made in self.controlled.items()},
        )

    def sources(self, rows: Tensor) -> Indices:
        """Return the numbers of the source images at ``rows``, a mask ``(n,)``."""
        found: Indices = self.clean.indices[rows.cpu().numpy()]
        return found

    def figures(self, profiled: Indices, seen: Sequence[Attack]) -> dict[str, AttackFigures]:
        """Return how the attacks fared against the network.

        Args:
            profiled: the classes with a signature.
            seen: the attacks that the detector was fitted on.
        """
        return {attack.name: self._fared(attack, profiled, seen) for attack in self.attacks}

    def _fared(self, attack: Attack, profiled: Indices, seen: Sequence[Attack]) -> AttackFigures:
        crafted = self.crafted[attack.name]
        won = self.answers[attack.name][crafted.success.cpu().numpy()]
        change = (crafted.pixels - self.clean.pixels)[crafted.success].flatten(1)
        return AttackFigures(
            family=attack.family,
            norm=attack.norm,
            budget=attack.budget,
            summary=attack.summary,
            success=float(crafted.success.float().mean()),
            success_unrounded=float(crafted.success_unrounded.float().mean()),
            median_l2=float(change.norm(dim=1).median()) if len(change) else float("nan"),
            median_linf=float(change.abs().amax(1).median()) if len(change) else float("nan"),
            unprofiled=float(1 - np.isin(won, profiled).mean()) if len(won) else float("nan"),
            teaching=teaching(attack, seen),
            knowledge=attack.knowledge,
            technique=attack.technique.uid,
        )


def _answers(network: Network, pixels: Tensor) -> Indices:
    found: Indices = torch.cat([network.predict(part) for part in torch.split(pixels, CHUNK)]).cpu().numpy()
    return found


@dataclass(frozen=True)
class Scores:
    """Scores of one detector on each part of a trial; attacked images are scored even if the attack failed."""

    calibration: Floats
    clean: Floats
    misclassified: Floats
    attacks: Mapping[str, Floats]
    controls: Mapping[str, Floats]


def score_all(panel: Panel[T], trial: Trial) -> dict[str, Scores]:
    """Measure and score the images of a trial; return the scores by detector."""
    return by_detector(panel, trial.pixels.map(panel.measure).map(panel.score))


def by_detector(panel: Panel[T], scores: PerPart[Mapping[str, Floats]]) -> dict[str, Scores]:
    """Regroup ``scores``, which are by part and then by detector, by detector and then by part."""
    return {
        name: Scores(
            calibration=panel.clean_scores[name],
            clean=scores.clean[name],
            misclassified=np.zeros(0) if scores.misclassified is None else scores.misclassified[name],
            attacks={attack: found[name] for attack, found in scores.attacks.items()},
            controls={control: found[name] for control, found in scores.controls.items()},
        )
        for name in panel.summaries
    }


def judge(scores: Scores, trial: Trial, summary: str) -> DetectorFigures:
    """Return the figures of one detector; its thresholds are set on calibration scores only."""
    limit, strict = (conformal_threshold(scores.calibration, rate) for rate in _RATES)
    images = trial.clean.indices
    by_image = Resampling.over(images)
    unnumbered = np.arange(len(scores.misclassified))
    controls = {}
    for control in trial.controls:
        kept = trial.controlled[control.name].kept
        flags = scores.controls[control.name][kept.cpu().numpy()] > limit
        flagged = by_image.share(flags, trial.sources(kept))
        controls[control.name] = ControlDetection(control.summary, float(kept.float().mean()), flagged)
    return DetectorFigures(
        summary=summary,
        fpr_at_5=by_image.share(scores.clean > limit, images),
        fpr_at_1=by_image.share(scores.clean > strict, images),
        misclassified_flagged=Resampling.over(unnumbered).share(scores.misclassified > limit, unnumbered),
        attacks={name: _detection(scores, trial, name, by_image) for name in trial.crafted},
        controls=controls,
    )


def _detection(scores: Scores, trial: Trial, name: str, by_image: Resampling) -> AttackDetection:
    limit, strict = (conformal_threshold(scores.calibration, rate) for rate in _RATES)
    success = trial.crafted[name].success
    won, lost = (scores.attacks[name][rows.cpu().numpy()] for rows in (success, ~success))
    sources = trial.sources(success)
    return AttackDetection(
        auc=by_image.area(scores.clean, trial.clean.indices, won, sources),
        tpr_at_5fpr=by_image.share(won > limit, sources),
        tpr_at_1fpr=by_image.share(won > strict, sources),
        failed_flagged=by_image.share(lost > limit, trial.sources(~success)),
    )
