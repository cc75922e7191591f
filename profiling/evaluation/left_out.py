"""Attacks unseen in fitting: the bundle's kind of classifier, fitted again without one family of attacks."""

from __future__ import annotations

import numpy as np

from profiling.detection.classifiers import fit, shares
from profiling.detection.scores import LinearScore, Score
from profiling.errors import FitError
from profiling.evaluation.figures import EVERYTHING, NOTHING
from profiling.lookup import Floats
from profiling.similarity import Feature
from profiling.teaching import Taught


def left_out(kind: str, taught: Taught) -> dict[str, Score]:
    """Return a score per family that was left out, and those for ``NOTHING`` and ``EVERYTHING``.

    Leaving nothing out is what the bundle does; leaving everything out is learning from clean
    images alone. So is leaving out the only family that succeeded.
    """
    clean_only = unusual(taught.features, taught.clean_values)
    scores: dict[str, Score] = {NOTHING: fit(kind, taught.examples(taught.attacks))}
    for family in dict.fromkeys(attack.family for attack in taught.attacks):
        others = [attack for attack in taught.attacks if attack.family != family]
        try:
            scores[family] = fit(kind, taught.examples(others))
        except FitError:
            scores[family] = clean_only
    return scores | {EVERYTHING: clean_only}


def unusual(features: tuple[Feature, ...], clean: Floats) -> Score:
    """Return the sum of deviations from clean images in the suspicious direction, where one is known.

    Each deviation counts in units of the clean images' standard deviation; each measure weighs the
    same, in however many layers it is taken.
    """
    deviation = clean.std(axis=0)
    scale = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0)
    weights = np.array([feature.trend for feature in features]) * shares(features)
    return LinearScore("unusual", clean.mean(axis=0), scale, weights / max(np.abs(weights).sum(), 1), 0.0)
