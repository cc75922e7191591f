"""Regularised logistic regression on standardised features, in which no feature gets credit for what is suspicious."""

from __future__ import annotations

from functools import partial

import numpy as np

from pathprint.profiling.detection.classifiers.bounded import bounded_logistic
from pathprint.profiling.detection.classifiers.classifier import Classifier
from pathprint.profiling.detection.classifiers.examples import Examples, standardisation
from pathprint.profiling.detection.classifiers.one_class import shares
from pathprint.profiling.detection.scores import LinearScore, Score, load_linear

_STRENGTHS = (0.03, 0.3, 3.0)
"""Inverse regularisation strengths to choose from (scikit-learn's ``C``): smaller regularises more."""


def fit(examples: Examples, strength: float) -> Score:
    """Fit with a strength of the regularisation.

    Features of one measure in several layers are scaled down to count as one feature in the regularisation.
    Without this, measures taken once, such as margins, would hardly count beside those taken in every layer.
    """
    mean, scale = standardisation(examples.values)
    portions = np.sqrt(shares(examples.features))
    fitted = bounded_logistic(
        (examples.values - mean) * scale * portions,
        np.where(examples.adversarial, 1.0, -1.0),
        strength * examples.weights,
        np.array([feature.trend for feature in examples.features]),
    )
    return LinearScore("logistic", mean, scale, fitted[:-1] * portions, float(fitted[-1]))


CLASSIFIER = Classifier(
    tuple(partial(fit, strength=strength) for strength in _STRENGTHS), load_linear("logistic"), automatic=True
)
