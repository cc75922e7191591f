"""Fit the classifier that a user has chosen, and read a fitted score from its arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pathprint.profiling.arrays import Arrays, Floats
from pathprint.profiling.detection.classifiers import AUTO, NAMES, one_class
from pathprint.profiling.detection.classifiers.classifier import Classifier, classifier_named
from pathprint.profiling.detection.classifiers.cross_validation import FOLDS, Fitter, best_of
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.joined import (
    ATTACKS,
    CLEAN,
    TESTS,
    JoinedScore,
    ScaledScore,
    TestName,
    arrays_of,
    load_scaled,
)
from pathprint.profiling.detection.scores import Score, total
from pathprint.profiling.errors import FitError

FEWEST_IMAGES = 2 * FOLDS
"""Least number of images that a classifier can be fitted on with attacks."""
UNIT_AT = 0.95
"""Share of benign images whose score by a test lies below 1 on the scale that the tests share.

It is one share for both tests, so each may flag about as often (docs/experiments/two-tests.md).
"""


def fit(choice: str, examples: Examples) -> JoinedScore:
    """Fit a classifier, and join the test on clean images to it; ``auto`` takes the best of the automatic ones.

    Raises:
        FitError: there is no such classifier, there are too few examples, or all are clean or all adversarial.
    """
    chosen = [found for found in map(classifier_named, NAMES) if found.automatic]
    if choice != AUTO:
        chosen = [classifier_named(choice)]
    if not chosen[0].needs_attacks:
        return JoinedScore({CLEAN: _scaled(chosen[0].fits, examples)})
    check_examples(examples)
    tests = {ATTACKS: _scaled([fitter for one in chosen for fitter in one.fits], examples)}
    if chosen[0].joined:
        tests[CLEAN] = _scaled([one_class.fit], examples)
    return JoinedScore(tests)


def _scaled(fitters: Sequence[Fitter], examples: Examples) -> ScaledScore:
    """Fit, and set the scale by what benign examples get from a fit that has not seen them."""
    best = best_of(fitters, examples)
    score = best.fitter(examples)
    benign = best.scores[(examples.adversarial == 0) & np.isfinite(best.scores)]
    return on_scale(score, benign if len(benign) else total(score, examples.benign))


def on_scale(score: Score, benign: Floats) -> ScaledScore:
    """Return a score on the scale that the tests share; ``benign`` are scores of benign images, ``(n,)``."""
    middle, high = np.quantile(benign, [0.5, UNIT_AT])
    unit = float(high - middle)
    # If all benign images have one score, there is nothing to measure by.
    return ScaledScore(score, float(middle), unit if unit > 1e-6 * max(abs(high), 1) else 1.0)


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


def stored_score(kind: str, tests: Sequence[str], arrays: Arrays, features: int) -> JoinedScore:
    """Return the score of ``kind`` from its stored arrays.

    Args:
        tests: names of the tests that it has.

    Raises:
        FitError: there is no such classifier.
        KeyError: an array is missing.
        ValueError: the tests are unknown, or the arrays are malformed or not those of a score with this number of
            features.
    """
    known = [test for test in TESTS if test in tests]
    if not known or list(tests) != known:
        raise ValueError(f"a score has tests of {', '.join(TESTS)}, in this order; this one has {list(tests)}.")
    return JoinedScore({test: _stored(kind, test, arrays_of(test, arrays), features) for test in known})


def _stored(kind: str, test: TestName, arrays: Arrays, features: int) -> ScaledScore:
    found: Classifier = classifier_named(kind if test == ATTACKS else one_class.KIND)
    return load_scaled(found.load(arrays, features), arrays)
