"""The figures of an evaluation as values; ``Report.to_dict`` is what files and pages are made from.

What is undefined (a rate of no images, a threshold that too few images allow) is nan here and null in
JSON. Every rate and area is an ``Estimate``: value, 95 % interval, number of images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from pathprint.profiling.evaluation.distributions import Distributions
from pathprint.profiling.evaluation.metrics import Estimate

NOTHING, EVERYTHING = "(nothing)", "(everything)"
"""Names in ``left_out`` that are no family: all attacks were seen, none was."""
SCHEMA = 3
"""Raised when a reader of the JSON would have to change."""


@dataclass(frozen=True, slots=True)
class AttackFigures:
    """How one attack fared against the network; no detector is involved.

    Attributes:
        success: share of images whose answer changed, after rounding to 8 bit.
        success_unrounded: the same before rounding.
        median_l2, median_linf: perturbation of the successful ones, in pixels of [0, 1].
        unprofiled: share of the successful ones that are answered with a class without a signature.
            No path is like such a class, which makes any score look good.
    """

    family: str
    norm: str
    budget: float | None
    summary: str
    success: float
    success_unrounded: float
    median_l2: float
    median_linf: float
    unprofiled: float


@dataclass(frozen=True, slots=True)
class AttackDetection:
    """How well one detector finds one attack.

    Attributes:
        auc: of successful adversarial against correctly classified clean images.
        tpr_at_5fpr, tpr_at_1fpr: share of the successful ones flagged at thresholds that come from
            clean calibration images.
        failed_flagged: share of the attack's failures flagged at the 5 % threshold; they are
            still answered rightly.
    """

    auc: Estimate
    tpr_at_5fpr: Estimate
    tpr_at_1fpr: Estimate
    failed_flagged: Estimate


@dataclass(frozen=True, slots=True)
class PaperFigures:
    """AUC of one attack: ``leaky`` as published, ``disjoint`` with each image on one side."""

    leaky: float
    disjoint: float


@dataclass(frozen=True, slots=True)
class EvasionPoint:
    """The adaptive attack at one Linf budget, at the bundle's threshold.

    Attributes:
        wrong: share of images for which a wrong answer was found, in a class on which there are verdicts.
        evaded: share for which one was found that is not flagged.
        flagged: share of the wrong answers that are flagged in spite of all tries.
    """

    budget: float
    wrong: Estimate
    evaded: Estimate
    flagged: Estimate


@dataclass(frozen=True, slots=True)
class ControlDetection:
    """How quiet one detector stays on one benign change.

    Attributes:
        kept: share of images that the network still answers rightly.
        flagged: share of these that are flagged at the 5 % threshold; it should stay near 5 %.
    """

    summary: str
    kept: float
    flagged: Estimate


@dataclass(frozen=True, slots=True)
class DetectorFigures:
    """One detector on the whole test set.

    Attributes:
        fpr_at_5, fpr_at_1: realised false-positive rates of the thresholds meant for 5 % and 1 %.
        misclassified_flagged: share of clean images with a wrong answer that are flagged at 5 %.
    """

    summary: str
    fpr_at_5: Estimate
    fpr_at_1: Estimate
    misclassified_flagged: Estimate
    attacks: Mapping[str, AttackDetection]
    controls: Mapping[str, ControlDetection] = field(default_factory=dict)

    @property
    def mean_auc(self) -> float:
        """Mean AUC over the attacks that succeeded at all."""
        areas = [found.auc.value for found in self.attacks.values() if isfinite(found.auc.value)]
        return float(np.mean(areas)) if areas else float("nan")

    @property
    def worst(self) -> str:
        """The attack with the smallest AUC; empty if none succeeded."""
        areas = {name: found.auc.value for name, found in self.attacks.items() if isfinite(found.auc.value)}
        return min(areas, key=lambda name: areas[name]) if areas else ""

    def to_dict(self) -> dict[str, Any]:
        worst = self.worst
        worst_auc = self.attacks[worst].auc.value if worst else None
        return {**asdict(self), "mean_auc": self.mean_auc, "worst": {"attack": worst, "auc": worst_auc}}


@dataclass(frozen=True)
class Report:
    """All figures on images that no step of the bundle has seen.

    Attributes:
        network: name and fingerprint.
        images: correctly classified clean test images; ``misclassified`` the others looked at.
        clean_accuracy: of the network on the test images.
        target: false-positive rate promised by the bundle; ``flagged_clean`` what it is here.
        attacks: by name.
        detector: the bundle's.
        baselines: other detectors, fitted and calibrated on the same images.
        left_out: the bundle's kind of classifier, fitted again without one family of
            the attacks that it saw, by family; without ``(nothing)``; and without ``(everything)``, on clean images.
        paper_protocol: AUC by attack as the papers split, **with clean images on both sides**; only
            to compare with published figures.
        adaptive: by an attacker who knows the detector, by rising budget.
        distributions: what curves and histograms of the detector are drawn from.
        settings: what was measured with what; JSON-able.
    """

    network: Mapping[str, str]
    images: int
    misclassified: int
    clean_accuracy: float
    target: float
    flagged_clean: Estimate
    attacks: Mapping[str, AttackFigures]
    detector: DetectorFigures
    baselines: Mapping[str, DetectorFigures] = field(default_factory=dict)
    left_out: Mapping[str, DetectorFigures] = field(default_factory=dict)
    paper_protocol: Mapping[str, PaperFigures] = field(default_factory=dict)
    adaptive: Sequence[EvasionPoint] = ()
    distributions: Distributions = field(default_factory=Distributions)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mean_left_out_auc(self) -> float:
        """Mean AUC over the attacks, each by a classifier that has not seen its family."""
        if not self.left_out:
            return float("nan")
        known = [area for name in self.attacks if isfinite(area := self.unseen_auc(name).value)]
        return float(np.mean(known)) if known else float("nan")

    @property
    def unprofiled(self) -> float:
        """Mean over the attacks of the share that is answered with a class without a signature; nan without attacks."""
        known = [fared.unprofiled for fared in self.attacks.values() if isfinite(fared.unprofiled)]
        return float(np.mean(known)) if known else float("nan")

    def unseen_auc(self, name: str) -> Estimate:
        """Return the AUC of an attack by a classifier that has not seen its family; ``left_out`` must be there."""
        found = self.left_out.get(self.attacks[name].family, self.left_out[NOTHING])
        return found.attacks[name].auc

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-able data."""
        figures: dict[str, Any] = finite(
            {
                "schema": SCHEMA,
                "network": dict(self.network),
                "images": self.images,
                "misclassified": self.misclassified,
                "clean_accuracy": self.clean_accuracy,
                "target": self.target,
                "flagged_clean": self.flagged_clean.to_dict(),
                "mean_auc": self.detector.mean_auc,
                "mean_left_out_auc": self.mean_left_out_auc,
                "attacks": {name: asdict(found) for name, found in self.attacks.items()},
                "detector": self.detector.to_dict(),
                "baselines": {name: found.to_dict() for name, found in self.baselines.items()},
                "left_out": {family: found.to_dict() for family, found in self.left_out.items()},
                "paper_protocol": {name: asdict(found) for name, found in self.paper_protocol.items()},
                "adaptive": [asdict(point) for point in self.adaptive],
                **asdict(self.distributions),
                "settings": dict(self.settings),
            }
        )
        return figures


def finite(value: Any) -> Any:
    """Replace numbers that JSON cannot hold by None."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
