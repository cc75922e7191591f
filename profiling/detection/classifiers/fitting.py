"""Fit the classifier that a user has chosen, and read a fitted score from its arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Arrays, Bits, Floats
from pathprint.profiling.detection.cascade import Cascade, Stage, arrays_of_stage
from pathprint.profiling.detection.classifiers import AUTO, NAMES, one_class
from pathprint.profiling.detection.classifiers.classifier import Classifier, classifier_named
from pathprint.profiling.detection.classifiers.cross_validation import FOLDS, Fitter, best_of, tried
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


@dataclass(frozen=True)
class Fitted:
    """A fitted score, and what it gives images that it has not seen.

    Attributes:
        fitters: the way to fit each test, which cross-validation chose.
        held_out: the score of each row by fits without its source image, ``(n,)``.
    """

    score: JoinedScore
    fitters: Mapping[TestName, Fitter]
    held_out: Floats


def fit(choice: str, examples: Examples) -> JoinedScore:
    """Fit a classifier, and join the test on clean images to it; ``auto`` takes the best of the automatic ones.

    Raises:
        FitError: there is no such classifier, there are too few examples, or all are clean or all adversarial.
    """
    return fitted(choice, examples).score


def fitted(choice: str, examples: Examples) -> Fitted:
    """Fit as ``fit`` does; return also how, and what held-out images get.

    Raises:
        FitError: there is no such classifier, there are too few examples, or all are clean or all adversarial.
    """
    chosen = [found for found in map(classifier_named, NAMES) if found.automatic]
    if choice != AUTO:
        chosen = [classifier_named(choice)]
    fitters = [fitter for one in chosen for fitter in one.fits]
    if not chosen[0].needs_attacks:
        return _best({CLEAN: fitters}, examples)
    check_examples(examples)
    return _best({ATTACKS: fitters} | ({CLEAN: [one_class.fit]} if chosen[0].joined else {}), examples)


def fitted_alike(fitters: Mapping[TestName, Fitter], examples: Examples) -> Fitted:
    """Fit each test in the given way."""
    return _best({test: [fitter] for test, fitter in fitters.items()}, examples)


def _best(ways: Mapping[TestName, Sequence[Fitter]], examples: Examples) -> Fitted:
    """Fit each test in the best way; its scale is set by what benign examples get from fits that have not seen them."""
    tests, best, held_out = {}, {}, []
    for test, fitters in ways.items():
        found = best_of(fitters, examples)
        score, unseen = found.fitter(examples), np.isfinite(found.scores)
        benign = found.scores[unseen & (examples.adversarial == 0)]
        tests[test] = on_scale(score, benign if len(benign) else total(score, examples.benign))
        best[test] = found.fitter
        scores = found.scores if unseen.all() else np.where(unseen, found.scores, total(score, examples.values))
        held_out.append(tests[test].scaled(scores))
    return Fitted(JoinedScore(tests), best, np.max(held_out, axis=0))


def held_out_of(fitted: Fitted, examples: Examples, taught: Bits) -> Floats:
    """Return each row's score by fits on the ``taught`` rows of other source images, ``(n,)``.

    A row that nothing could be fitted for has the score that it has in ``fitted``.
    """
    every = []
    for fitter in fitted.fitters.values():
        scores = tried(fitter, examples, taught).scores
        benign = scores[(examples.adversarial == 0) & np.isfinite(scores)]
        middle, unit = scale_of(benign) if len(benign) else (0.0, 1.0)
        every.append((scores - middle) / unit)
    highest: Floats = np.max(every, axis=0)
    return np.where(np.isfinite(highest), highest, fitted.held_out)


def on_scale(score: Score, benign: Floats) -> ScaledScore:
    """Return a score on the scale that the tests share; ``benign`` are scores of benign images, ``(n,)``."""
    return ScaledScore(score, *scale_of(benign))


def scale_of(benign: Floats) -> tuple[float, float]:
    """Return middle and unit of the scale that the tests share; ``benign`` are scores of benign images, ``(n,)``."""
    middle, high = np.quantile(benign, [0.5, UNIT_AT])
    unit = float(high - middle)
    # If all benign images have one score, there is nothing to measure by.
    return float(middle), unit if unit > 1e-6 * max(abs(high), 1) else 1.0


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


def stored_cascade(kind: str, tests: Sequence[str], stages: Sequence[Mapping[str, Any]], arrays: Arrays) -> Cascade:
    """Return the stages of a score from what was stored of them.

    Args:
        stages: of each stage, its ``views`` and how many features are ``known``.

    Raises:
        FitError: there is no such classifier.
        KeyError: something is missing.
        ValueError: what was stored is malformed, or the stages do not fit together.
    """
    limits = [*arrays["limits"].tolist(), inf]
    scores = [
        stored_score(kind, tests, arrays_of_stage(number, arrays), int(stage["known"]))
        for number, stage in enumerate(stages)
    ]
    made = zip(stages, scores, limits, strict=True)
    return Cascade(tuple(Stage(tuple(one["views"]), int(one["known"]), score, limit) for one, score, limit in made))


def _stored(kind: str, test: TestName, arrays: Arrays, features: int) -> ScaledScore:
    found: Classifier = classifier_named(kind if test == ATTACKS else one_class.KIND)
    return load_scaled(found.load(arrays, features), arrays)
