"""Regularised logistic regression on standardised features."""

from __future__ import annotations

from functools import partial

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.classifiers.classifier import Classifier
from pathprint.profiling.detection.classifiers.cross_validation import best_of
from pathprint.profiling.detection.classifiers.examples import Examples, standardisation
from pathprint.profiling.detection.classifiers.one_class import shares
from pathprint.profiling.detection.scores import LinearScore, Score, load_linear

_STRENGTHS = (0.03, 0.3, 3.0)
"""Inverse regularisation strengths to choose from (scikit-learn's ``C``): smaller regularises more."""


def fit(examples: Examples) -> Score:
    """Fit with the regularisation strength that has the largest AUC in cross-validation grouped by source image.

    Features of one measure in several layers are scaled down to count as one feature in the regularisation.
    Without this, measures taken once, such as margins, would hardly count beside those taken in every layer.
    """
    return best_of([partial(_fit, strength=strength) for strength in _STRENGTHS], examples)(examples)


def _fit(examples: Examples, strength: float) -> Score:
    from sklearn.linear_model import LogisticRegression

    mean, scale = standardisation(examples.values)
    portions = np.sqrt(shares(examples.features))
    model = LogisticRegression(C=strength, max_iter=2000, tol=1e-3)
    model.fit((examples.values - mean) * scale * portions, examples.adversarial, sample_weight=examples.weights)
    weights: Floats = model.coef_[0].astype(np.float64) * portions
    return LinearScore("logistic", mean, scale, weights, float(model.intercept_[0]))


CLASSIFIER = Classifier(fit, load=load_linear("logistic"), automatic=True)
