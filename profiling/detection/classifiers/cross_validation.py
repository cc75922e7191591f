"""Compare ways to fit a score by cross-validation in which no source image is on both sides.

A clean image, its benign changes and attacks on it are near copies of each other, so they stay in one fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Bits, Floats
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.scores import Score, total

FOLDS = 5
Fitter = Callable[[Examples], Score]


@dataclass(frozen=True)
class Tried:
    """What a way to fit gives images that it has not seen.

    Attributes:
        scores: of each row, by a fit without its source image, ``(n,)``; nan where nothing could be fitted.
        auc: mean AUC over the folds; 0 if no fold has clean and adversarial rows on both sides.
    """

    fitter: Fitter
    scores: Floats
    auc: float


def best_of(candidates: Sequence[Fitter], examples: Examples) -> Tried:
    """Return the candidate with the largest cross-validated AUC; on ties, the first of them."""
    return max((tried(candidate, examples) for candidate in candidates), key=lambda one: one.auc)


def tried(fitter: Fitter, examples: Examples, taught: Bits | None = None) -> Tried:
    """Fit without each fold of source images, and score the rows of that fold.

    Args:
        taught: the rows that may be learnt from, ``(n,)``; all if left out. The others are scored, too, but have no
            part in the AUC.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold

    known = np.ones(len(examples.values), dtype=bool) if taught is None else taught
    scores, areas = np.full(len(examples.values), np.nan), []
    folds = min(FOLDS, len(np.unique(examples.sources)))
    learns = len(set(examples.adversarial[known])) > 1
    for train, test in GroupKFold(folds).split(examples.values, groups=examples.sources) if folds > 1 else ():
        train, counted = train[known[train]], test[known[test]]
        if learns and len(set(examples.adversarial[train])) < 2:
            continue  # too few attacks succeeded for every fold to have one
        scores[test] = total(fitter(examples.subset(train)), examples.values[test])
        if len(set(examples.adversarial[counted])) == 2:
            areas.append(roc_auc_score(examples.adversarial[counted], scores[counted]))
    return Tried(fitter, scores, float(np.mean(areas)) if areas else 0.0)
