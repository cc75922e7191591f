"""Evaluate a detector on test images: clean ones, and every attack on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from profiling.attacks.registry import Attack
from profiling.building import Correct, correct_images, craft_all, features_of
from profiling.datasets import Dataset
from profiling.detection.detector import Detector
from profiling.detection.scores import total
from profiling.evaluation.metrics import auc, auc_interval, rate_above, threshold_at
from profiling.lookup import Floats
from profiling.paths.path import Indices


@dataclass(frozen=True, slots=True)
class AttackResult:
    """How one attack fared.

    Attributes:
        success: share of images whose answer changed, after rounding to 8 bit.
        success_unrounded: the same before rounding.
        auc: of successful adversarial against clean images; ``auc_interval`` its 95 % interval.
        tpr_at_5fpr, tpr_at_1fpr: share of them flagged at thresholds set on the calibration images.
        softmax_auc: what the network's own confidence gives, the trivial detector.
        median_l2: median perturbation of the successful ones, in pixels of [0, 1].
    """

    success: float
    success_unrounded: float
    auc: float
    auc_interval: tuple[float, float]
    tpr_at_5fpr: float
    tpr_at_1fpr: float
    softmax_auc: float
    median_l2: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures on images that no step of the bundle has seen.

    Attributes:
        images: correctly classified clean test images.
        clean_accuracy: of the network on the test images.
        flagged_clean: share of them flagged at the bundle's threshold; ``target`` was promised.
        fpr_at_5, fpr_at_1: realised rates at the thresholds used for the attacks' TPRs.
    """

    images: int
    clean_accuracy: float
    target: float
    flagged_clean: float
    fpr_at_5: float
    fpr_at_1: float
    attacks: dict[str, AttackResult]

    @property
    def mean_auc(self) -> float:
        """Mean AUC over the attacks that succeeded at all."""
        return float(np.nanmean([result.auc for result in self.attacks.values()]))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-able data; what is undefined becomes None."""
        figures: dict[str, Any] = _finite({**asdict(self), "mean_auc": self.mean_auc})
        return figures


@dataclass(frozen=True)
class Samples:
    """Clean test images and what the attacks made of them; kept for pictures and demonstrations."""

    clean: Correct
    clean_scores: Floats
    adversarial: dict[str, Tensor]
    adversarial_scores: dict[str, Floats]


def evaluate(
    detector: Detector, dataset: Dataset, images: Indices, attacks: Sequence[Attack], limit: int = 500, seed: int = 1
) -> tuple[Evaluation, Samples]:
    """Return figures on up to ``limit`` correctly classified ones of ``images``.

    Raises:
        FitError: none of them is classified correctly.
    """
    correct = correct_images(detector.network, dataset, images, limit)
    clean_scores, clean_softmax = _scores(detector, correct.pixels, "clean test images")
    thresholds = [threshold_at(detector.clean_scores, rate) for rate in (0.05, 0.01)]
    results, made, scores = {}, {}, {}
    for attack in attacks:
        crafted = craft_all(attack, detector.network, correct, seed)
        won = crafted.success
        made[attack.name] = crafted.pixels[won]
        scores[attack.name], softmax = _scores(detector, crafted.pixels[won], f"scoring {attack.name}")
        sources = correct.indices[won.numpy()]
        results[attack.name] = AttackResult(
            success=float(won.float().mean()),
            success_unrounded=float(crafted.success_unrounded.float().mean()),
            auc=auc(clean_scores, scores[attack.name]),
            auc_interval=auc_interval(clean_scores, correct.indices, scores[attack.name], sources),
            tpr_at_5fpr=rate_above(scores[attack.name], thresholds[0]),
            tpr_at_1fpr=rate_above(scores[attack.name], thresholds[1]),
            softmax_auc=auc(clean_softmax, softmax),
            median_l2=_median_l2(crafted.pixels[won] - correct.pixels[won]),
        )
    figures = Evaluation(
        images=len(correct.indices),
        clean_accuracy=correct.accuracy,
        target=detector.calibration.target,
        flagged_clean=rate_above(clean_scores, detector.calibration.threshold),
        fpr_at_5=rate_above(clean_scores, thresholds[0]),
        fpr_at_1=rate_above(clean_scores, thresholds[1]),
        attacks=results,
    )
    return figures, Samples(correct, clean_scores, made, scores)


def _scores(detector: Detector, pixels: Tensor, title: str) -> tuple[Floats, Floats]:
    """Return the detector's scores and, as the trivial baseline, 1 - the largest softmax."""
    if not len(pixels):
        return np.zeros(0), np.zeros(0)
    table, _ = features_of(detector.extractor, detector.signatures, pixels, detector.thorough, title)
    with torch.inference_mode():
        logits = torch.cat([detector.network.logits(chunk) for chunk in torch.split(pixels, 256)])
    doubt: Floats = 1 - logits.double().softmax(1).amax(1).numpy()
    return total(detector.score, table.values), doubt


def _median_l2(change: Tensor) -> float:
    return float(change.flatten(1).norm(dim=1).median()) if len(change) else float("nan")


def _finite(value: Any) -> Any:
    """Replace numbers that JSON cannot hold by None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
