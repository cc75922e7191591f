"""A detector whose images go through stages, made of a bundle's in no time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import numpy as np

from pathprint.profiling.detection.cascade import Cascade, Stage
from pathprint.profiling.detection.classifiers.one_class import KIND, DeviationScore
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.evidence import Usual
from pathprint.profiling.detection.joined import ATTACKS, CLEAN, JoinedScore, ScaledScore
from pathprint.profiling.detection.scores import LinearScore
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.views import features_of, view_of

STAGES = ((), ("down",), ("up", "noisy"))


def score_of(features: Sequence[Feature]) -> JoinedScore:
    """Return a score in which doubt and each lost margin count, and a second test that goes by the confidence."""
    weights = {"doubt": 4.0, "confidence": -2.0}
    lost = np.array([weights.get(f.measure, 0.25 if f.measure.startswith("margin_loss") else 0.0) for f in features])
    zeros, ones = np.zeros(len(features)), np.ones(len(features))
    sure = np.array([float(feature.measure == "confidence") for feature in features])
    return JoinedScore(
        {
            ATTACKS: ScaledScore(LinearScore("logistic", zeros, ones, lost, 2.0)),
            CLEAN: ScaledScore(DeviationScore(KIND, ones, ones, -ones, 2 * sure, -0.5)),
        }
    )


def staged(detector: Detector, limits: Sequence[float] = (0.2, 2.0), threshold: float = 2.5) -> Detector:
    """Return the detector with the stages of ``STAGES``, and limits of acceptance between them."""
    own = tuple(feature for feature in detector.features if view_of(feature) is None)
    stages, views = [], tuple[str, ...]()
    for asked, limit in zip(STAGES, (*limits, inf), strict=True):
        views += asked
        features = (*own, *features_of(views))
        stages.append(Stage(asked, len(features), score_of(features), limit))
    usual = np.pad(detector.usual.mean[:, : len(own)], ((0, 0), (0, len(views))))
    spread = np.pad(detector.usual.deviation[:, : len(own)], ((0, 0), (0, len(views))), constant_values=1)
    return replace(
        detector,
        maker=replace(detector.maker, views=views),
        features=features,
        score=Cascade(tuple(stages)),
        usual=Usual(detector.usual.classes, usual, spread),
        calibration=replace(detector.calibration, threshold=threshold, uncertain=(threshold, threshold)),
    )
