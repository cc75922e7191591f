"""Fit the classifier that a user has chosen, and read a fitted score from its arrays."""

from __future__ import annotations

import numpy as np

from pathprint.profiling.arrays import Arrays
from pathprint.profiling.detection.classifiers import AUTO, NAMES
from pathprint.profiling.detection.classifiers.classifier import Classifier, classifier_named
from pathprint.profiling.detection.classifiers.cross_validation import FOLDS, best_of
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.classifiers.guard import guarded, load_guarded
from pathprint.profiling.detection.scores import Score
from pathprint.profiling.errors import FitError

FEWEST_IMAGES = 2 * FOLDS
"""Least number of images that a classifier can be fitted on with attacks."""


def fit(choice: str, examples: Examples) -> Score:
    """Fit a classifier; ``auto`` takes the automatic one with the largest cross-validated AUC.

    Raises:
        FitError: there is no such classifier, there are too few examples, or all are clean or all adversarial.
    """
    chosen = None if choice == AUTO else classifier_named(choice)
    if chosen is None or chosen.needs_attacks:
        check_examples(examples)
    if chosen is None:
        chosen = _best_automatic(examples)
    score = chosen.fit(examples)
    return guarded(score, examples.features, examples.benign) if chosen.guarded else score


def check_examples(examples: Examples) -> None:
    """Check that a score can be fitted on examples with attacks.

    Raises:
        FitError: there are too few images, or all rows are clean or all adversarial.
    """
    if len(np.unique(examples.adversarial)) < 2:
        raise FitError(
            "both clean and adversarial examples are needed: either no attack succeeded, or there is no clean image; "
            "name stronger attacks, or give more images."
        )
    images = len(np.unique(examples.sources))
    if images < FEWEST_IMAGES:
        raise FitError(
            f"the examples come from {images} images; at least {FEWEST_IMAGES} are needed, so give more that the "
            "network is right on."
        )


def _best_automatic(examples: Examples) -> Classifier:
    candidates = [found for found in map(classifier_named, NAMES) if found.automatic]
    best = best_of([candidate.fit for candidate in candidates], examples)
    return next(candidate for candidate in candidates if candidate.fit is best)


def stored_score(kind: str, is_guarded: bool, arrays: Arrays, features: int) -> Score:
    """Return the score of ``kind`` from its stored arrays.

    Raises:
        FitError: there is no such classifier.
        KeyError: an array is missing.
        ValueError: the arrays are malformed, or are not those of a score with this number of features.
    """
    score = classifier_named(kind).load(arrays, features)
    return load_guarded(score, arrays, features) if is_guarded else score
