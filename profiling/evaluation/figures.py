"""The figures of an evaluation as values; files and pages are made from ``Report.to_dict``.

Undefined figures (a rate over no images, a threshold for which there are too few images) are nan here and null in
JSON. A rate or area with uncertainty is an ``Estimate``: value, 95 % interval, number of images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from pathprint.profiling.evaluation.distributions import Distributions
from pathprint.profiling.evaluation.evasion import EvasionPoint, Halfway, Sign, halfway, signs
from pathprint.profiling.evaluation.metrics import Estimate
from pathprint.profiling.evaluation.stages import StageCost
from pathprint.profiling.pictures.explained import Explained

NOTHING, EVERYTHING = "(nothing)", "(everything)"
"""Keys of ``left_out`` that are not families: the classifier has seen all attacks, or no attack."""
SCHEMA = 3
"""Raised when a reader of the JSON would have to change."""


@dataclass(frozen=True, slots=True)
class AttackFigures:
    """How one attack fared against the network; no detector is involved.

    Attributes:
        family, norm, budget, summary: as in ``Attack``.
        success: share of images that the network answers wrongly after rounding to 8 bit.
        success_unrounded: share of images that it answers wrongly before rounding.
        median_l2, median_linf: median perturbation of the successful images, in pixels of [0, 1].
        unprofiled: share of the successful images that are answered with a class that has no signature.
            No path is like a class without a signature, which makes any detector look good.
        teaching: how the attack is related to those that the bundle was fitted on: ``taught``, ``related`` if only
            others of its family are among them, or ``untaught``.
        knowledge: what the attacker needs of the network, as in ``Attack``.
        technique: number of this way to craft adversarial data in MITRE ATLAS.
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
    teaching: str = ""
    knowledge: str = ""
    technique: str = ""


@dataclass(frozen=True, slots=True)
class AttackDetection:
    """How well one detector finds one attack.

    Attributes:
        auc: of successful adversarial images against correctly classified clean images.
        tpr_at_5fpr, tpr_at_1fpr: share of the successful images that are flagged at the thresholds for false-positive
            rates of 5 % and 1 %, which are set on clean calibration images.
        failed_flagged: share of the attack's failures that are flagged at the 5 % threshold. The network still
            answers these images rightly.
    """

    auc: Estimate
    tpr_at_5fpr: Estimate
    tpr_at_1fpr: Estimate
    failed_flagged: Estimate


@dataclass(frozen=True, slots=True)
class PaperFigures:
    """AUC of one attack: ``leaky`` with the published split, ``disjoint`` with no image in both training and test."""

    leaky: float
    disjoint: float


@dataclass(frozen=True, slots=True)
class ControlDetection:
    """How quiet one detector stays on one benign change.

    Attributes:
        kept: share of changed images that the network still answers rightly.
        flagged: share of the kept images that are flagged at the 5 % threshold; it should stay near 5 %.
    """

    summary: str
    kept: float
    flagged: Estimate


@dataclass(frozen=True, slots=True)
class DetectorFigures:
    """One detector on the whole test set.

    Attributes:
        fpr_at_5, fpr_at_1: realised false-positive rates of the thresholds meant for 5 % and 1 %.
        misclassified_flagged: share of misclassified clean images that are flagged at the 5 % threshold.
        attacks, controls: figures by the name of an attack or a benign control.
    """

    summary: str
    fpr_at_5: Estimate
    fpr_at_1: Estimate
    misclassified_flagged: Estimate
    attacks: Mapping[str, AttackDetection]
    controls: Mapping[str, ControlDetection] = field(default_factory=dict)

    @property
    def mean_auc(self) -> float:
        """Mean AUC over the attacks that succeeded on any image; nan if none did."""
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


@dataclass(frozen=True, slots=True, eq=False)
class TypicalImage:
    """One image, and what is behind the verdict on it; ``what`` says why it is here."""

    what: str
    explained: Explained


@dataclass(frozen=True)
class Report:
    """All figures of an evaluation, on images that were not used to make the bundle.

    Attributes:
        network: name and fingerprint.
        images: number of correctly classified clean test images.
        misclassified: number of test images that the network answers wrongly.
        clean_accuracy: accuracy of the network on the test images.
        target: false-positive rate promised by the bundle.
        flagged_clean: false-positive rate of the bundle on clean test images.
        attacks: how each attack fared against the network, by name.
        detector: figures of the bundle's detector.
        baselines: figures of other detectors, which are fitted and calibrated on the same images, by name.
        left_out: figures of the bundle's kind of classifier, fitted again without one family of attacks, by family;
            ``(nothing)`` is fitted on all attacks, ``(everything)`` on clean images only.
        paper_protocol: AUC by attack with the papers' split, **with clean images on both sides**; only
            to compare with published figures.
        found_by: share of each kind of images that each test of the detector flags at the bundle's threshold, by the
            name of the kind and of the test.
        stages: what each kind of images costs, and which share of it reaches each stage.
        adaptive: figures of the adaptive attack, by ascending budget.
        distributions: what curves and histograms of the detector are drawn from.
        typical: a few images to look at, on the page only; they are no figures.
        settings: options, versions and seeds of the evaluation, JSON-able.
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
    found_by: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    stages: Mapping[str, StageCost] = field(default_factory=dict)
    adaptive: Sequence[EvasionPoint] = ()
    distributions: Distributions = field(default_factory=Distributions)
    typical: Sequence[TypicalImage] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mean_left_out_auc(self) -> float:
        """Mean AUC over the attacks, each by a classifier that has not seen its family; nan if not measured."""
        if not self.left_out:
            return float("nan")
        known = [area for name in self.attacks if isfinite(area := self.unseen_auc(name).value)]
        return float(np.mean(known)) if known else float("nan")

    @property
    def mean_untaught_auc(self) -> float:
        """Mean AUC of the bundle's own detector over attacks of families that it was not fitted on; nan if none ran."""
        areas = [self.detector.attacks[name].auc.value for name, fared in self.attacks.items() if _is_untaught(fared)]
        known = [area for area in areas if isfinite(area)]
        return float(np.mean(known)) if known else float("nan")

    @property
    def unprofiled(self) -> float:
        """Mean over the attacks of ``AttackFigures.unprofiled``; nan if no attack succeeded."""
        known = [fared.unprofiled for fared in self.attacks.values() if isfinite(fared.unprofiled)]
        return float(np.mean(known)) if known else float("nan")

    def unseen_auc(self, name: str) -> Estimate:
        """Return the AUC of an attack by a classifier that has not seen its family; needs ``left_out``."""
        found = self.left_out.get(self.attacks[name].family, self.left_out[NOTHING])
        return found.attacks[name].auc

    @property
    def masking(self) -> list[Sign]:
        """Signs of masked gradients in the adaptive attack; empty if it was not measured."""
        return signs(self.adaptive)

    @property
    def halfway(self) -> Halfway:
        """Where the adaptive attack costs half the images, without and with the detector; nan where it was not run."""
        return halfway(self.adaptive)

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
                "mean_untaught_auc": self.mean_untaught_auc,
                "attacks": {name: asdict(found) for name, found in self.attacks.items()},
                "detector": self.detector.to_dict(),
                "baselines": {name: found.to_dict() for name, found in self.baselines.items()},
                "left_out": {family: found.to_dict() for family, found in self.left_out.items()},
                "paper_protocol": {name: asdict(found) for name, found in self.paper_protocol.items()},
                "found_by": {kind: dict(shares) for kind, shares in self.found_by.items()},
                "stages": {kind: asdict(cost) for kind, cost in self.stages.items()},
                "adaptive": [asdict(point) for point in self.adaptive],
                "halfway": asdict(self.halfway) if self.adaptive else {},
                "masking": [asdict(sign) for sign in self.masking],
                **asdict(self.distributions),
                "settings": dict(self.settings),
            }
        )
        return figures


def _is_untaught(fared: AttackFigures) -> bool:
    return fared.teaching == "untaught"


def finite(value: Any) -> Any:
    """Return the value with nan and infinity, at any depth, replaced by None, because JSON has no such numbers."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
