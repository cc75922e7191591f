"""Combine one number per layer by logistic regression, as the papers on Mahalanobis and LID detectors do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pathprint.profiling.arrays import Floats
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, Observation


def joined(measure: Callable[[Observation], Floats], lessons: Lessons) -> Baseline:
    """Return a logistic regression that tells clean from adversarial fit images.

    Args:
        measure: takes an observation, returns one number per layer, ``(n, layers)``.

    Raises:
        FitError: there are no attacked images to fit on.
    """
    rows = [measure(lessons.clean), measure(lessons.attacked)]
    truth = np.repeat([0, 1], [len(part) for part in rows])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced"))
    model.fit(np.concatenate(rows), truth)

    def score(seen: Observation) -> Floats:
        decided: Floats = model.decision_function(measure(seen))
        return decided

    return score
