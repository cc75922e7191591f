"""Compare ways to fit a score by cross-validation in which no source image is on both sides.

A clean image, its benign changes and attacks on it are near copies of each other, so they stay in one fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.scores import Score, total

FOLDS = 5
Fitter = Callable[[Examples], Score]


def best_of(candidates: Sequence[Fitter], examples: Examples) -> Fitter:
    """Return the candidate with the largest cross-validated AUC; on ties, the first of them."""
    areas = [cross_validated_auc(candidate, examples) for candidate in candidates]
    return candidates[int(np.argmax(areas))]


def cross_validated_auc(fitter: Fitter, examples: Examples) -> float:
    """Return the mean AUC over folds that share no source image.

    Folds without clean or without adversarial rows are left out; the AUC is 0 if no fold remains.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold

    areas = []
    for train, test in GroupKFold(FOLDS).split(examples.values, groups=examples.sources):
        if len(set(examples.adversarial[test])) < 2 or len(set(examples.adversarial[train])) < 2:
            continue  # too few attacks succeeded for every fold to have one
        score = fitter(examples.subset(train))
        areas.append(roc_auc_score(examples.adversarial[test], total(score, examples.values[test])))
    return float(np.mean(areas)) if areas else 0.0
