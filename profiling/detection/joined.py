"""Two tests, one verdict: scores of different origin on one scale, of which the largest decides about an image.

A test that was fitted on attacks looks for what attacked images have in common. What no attack has shown it may pass
for clean. A test that was fitted on clean images looks for what clean images never have, whoever made it. It finds less
of what is known. Either of them may flag an image, and the threshold is set on the larger of both scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from pathprint.profiling.arrays import Arrays, Floats
from pathprint.profiling.detection.scores import Score, number, require, scalar, total

TestName: TypeAlias = Literal["fitted_on_attacks", "fitted_on_clean_images"]
ATTACKS: TestName = "fitted_on_attacks"
CLEAN: TestName = "fitted_on_clean_images"
TESTS = (ATTACKS, CLEAN)
"""Names of the tests, in the order in which a score has them."""


@dataclass(frozen=True)
class ScaledScore:
    """A sum of contributions on the scale that the tests share: 0 at ``middle``, and 1 at ``unit`` above it."""

    base: Score
    middle: float = 0.0
    unit: float = 1.0

    @property
    def kind(self) -> str:
        return self.base.kind

    @property
    def intercept(self) -> float:
        return (self.base.intercept - self.middle) / self.unit

    def contributions(self, values: Floats) -> Floats:
        return self.base.contributions(values) / self.unit

    def scaled(self, scores: Floats) -> Floats:
        """Return scores of the ``base`` on this scale."""
        found: Floats = (scores - self.middle) / self.unit
        return found

    def arrays(self) -> Arrays:
        return {**self.base.arrays(), "middle": scalar(self.middle), "unit": scalar(self.unit)}


@dataclass(frozen=True)
class JoinedScore:
    """The larger score of one or two tests.

    Attributes:
        tests: by name, in the order of ``TESTS``.
    """

    tests: Mapping[TestName, ScaledScore]

    @property
    def kind(self) -> str:
        """The classifier of the first test: the one that a user chooses."""
        return next(iter(self.tests.values())).kind

    @property
    def names(self) -> tuple[TestName, ...]:
        """Names of the tests."""
        return tuple(self.tests)

    def each(self, values: Floats) -> Floats:
        """Return the score of each image by each test, ``(n, tests)``; ``values`` are its features, ``(n, f)``."""
        return np.stack([total(score, values) for score in self.tests.values()], axis=1)

    def total(self, values: Floats) -> Floats:
        """Return the score of each image, ``(n,)``; ``values`` are its features, ``(n, f)``."""
        largest: Floats = self.each(values).max(axis=1)
        return largest

    def arrays(self) -> Arrays:
        """Return the arrays to store, by the name of the test and their own."""
        return {f"{test}/{name}": array for test, score in self.tests.items() for name, array in score.arrays().items()}


def alone(score: Score, test: TestName) -> JoinedScore:
    """Return the score of a single test, as it is."""
    return JoinedScore({test: ScaledScore(score)})


def arrays_of(test: TestName, arrays: Arrays) -> Arrays:
    """Return the stored arrays of one test, by their own names."""
    return {name.removeprefix(f"{test}/"): array for name, array in arrays.items() if name.startswith(f"{test}/")}


def load_scaled(base: Score, arrays: Arrays) -> ScaledScore:
    """Return ``base`` on its stored scale.

    Raises:
        KeyError: an array is missing.
        ValueError: an array is malformed.
    """
    middle, unit = number(arrays, "middle"), number(arrays, "unit")
    require(unit > 0, "the unit of a test must be positive")
    return ScaledScore(base, middle, unit)
