"""Join per-layer numbers by logistic regression, as the papers of Mahalanobis and LID detectors do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pathprint.profiling.arrays import Floats
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, Observation


def joined(measure: Callable[[Observation], Floats], lessons: Lessons) -> Baseline:
    """Return the logistic regression on ``measure``'s ``(n, layers)``, clean against adversarial fit images."""
    rows = [measure(lessons.clean), measure(lessons.attacked)]
    truth = np.repeat([0, 1], [len(part) for part in rows])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced"))
    model.fit(np.concatenate(rows), truth)

    def score(seen: Observation) -> Floats:
        decided: Floats = model.decision_function(measure(seen))
        return decided

    return score
