"""The cascade: cheap evidence first, and only what is in doubt is looked at again.

Each stage asks about more views than the one before it, and has a score of everything that is known by then. A stage
may only accept: an image whose score is at most its limit ends there and is not flagged. All others go on, and the
last stage has the last word. What is flagged has passed every limit, so that stages can only lower the share of clean
images that are flagged. A detector that decides at once is a cascade of one stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np

from pathprint.profiling.arrays import Arrays, Floats, Indices
from pathprint.profiling.detection.joined import JoinedScore, TestName
from pathprint.profiling.detection.scores import require
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.tiers import FIRST_LOOK
from pathprint.profiling.features.views import view_of

Look = Callable[[int, Indices], Floats]
"""Takes the number of a stage, and the rows of images; returns what the stage learns of them, ``(rows, columns)``."""


@dataclass(frozen=True)
class Stage:
    """One look at the images that are still in question.

    Attributes:
        views: those that this stage asks about.
        known: number of features that are known by then: those of the image itself, then those of the views.
        score: of the first ``known`` features.
        limit: the limit of acceptance: images with at most this score end here. Infinity at the last stage.
    """

    views: tuple[str, ...]
    known: int
    score: JoinedScore
    limit: float = inf


@dataclass(frozen=True)
class Course:
    """How images went through the stages.

    Attributes:
        ended: the stage in which each image ended, from 0, ``(n,)``.
        values: the features of each image, ``(n, f)``; nan where it ended before they were looked at.
        scores: of each test at each stage, ``(n, stages, tests)``; nan at stages that the image did not reach.
    """

    ended: Indices
    values: Floats
    scores: Floats

    @property
    def each(self) -> Floats:
        """The score by each test at the stage where each image ended, ``(n, tests)``."""
        found: Floats = self.scores[np.arange(len(self.ended)), self.ended]
        return found


@dataclass(frozen=True)
class Cascade:
    """The score of a detector: that of the stage in which an image ends.

    Raises:
        ValueError: there is no stage, a stage knows less than the one before it, the stages have different tests, or
            the last stage is not the only one without a limit.
    """

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        require(bool(self.stages), "a cascade has at least one stage")
        fitting = all(a.known <= b.known and a.score.names == b.score.names for a, b in pairwise(self.stages))
        require(fitting, "a later stage knows no less than an earlier one, and has the same tests")
        limits = [stage.limit for stage in self.stages]
        require(bool(np.isfinite(limits[:-1]).all()) and limits[-1] == inf, "only the last stage has no limit")

    @property
    def kind(self) -> str:
        """The classifier of the first test: the one that a user chooses."""
        return self.stages[-1].score.kind

    @property
    def names(self) -> tuple[TestName, ...]:
        """Names of the tests."""
        return self.stages[-1].score.names

    @property
    def views(self) -> tuple[str, ...]:
        """All views, in the order in which they are asked about."""
        return tuple(view for stage in self.stages for view in stage.views)

    @property
    def highest_accepted(self) -> float:
        """The highest score that an image can be accepted with before the last stage; minus infinity if none can."""
        return max((stage.limit for stage in self.stages[:-1]), default=-inf)

    def inferences(self, stage: int) -> int:
        """Return what an image costs that ends in a stage, from 0, counted in inferences."""
        return FIRST_LOOK + sum(len(one.views) for one in self.stages[: stage + 1])

    def columns(self, stage: int) -> slice:
        """Return the columns that a stage, from 0, adds to what is known."""
        return slice(self.stages[stage - 1].known if stage else 0, self.stages[stage].known)

    def course(self, images: int, look: Look) -> Course:
        """Send images through the stages; ``look`` is asked about those only that reach a stage."""
        ended = np.zeros(images, dtype=np.int64)
        values = np.full((images, self.stages[-1].known), np.nan)
        scores = np.full((images, len(self.stages), len(self.names)), np.nan)
        rows = np.arange(images)
        for number, stage in enumerate(self.stages):
            ended[rows] = number
            values[rows, self.columns(number)] = look(number, rows)
            scores[rows, number] = stage.score.each(values[rows, : stage.known])
            rows = rows[scores[rows, number].max(axis=1) > stage.limit]
            if not len(rows):
                break
        return Course(ended, values, scores)

    def course_of(self, values: Floats) -> Course:
        """Send images through the stages whose features are all known already; ``values`` are ``(n, f)``."""
        return self.course(len(values), lambda number, rows: values[rows, self.columns(number)])

    def each(self, values: Floats) -> Floats:
        """Return the score of each image by each test, ``(n, tests)``; ``values`` are its features, ``(n, f)``."""
        return self.course_of(values).each

    def total(self, values: Floats) -> Floats:
        """Return the score of each image, ``(n,)``; ``values`` are its features, ``(n, f)``."""
        largest: Floats = self.each(values).max(axis=1)
        return largest

    def arrays(self) -> Arrays:
        """Return the arrays to store, by the number of the stage and their own names."""
        scores = {
            f"{number}/{name}": array
            for number, stage in enumerate(self.stages)
            for name, array in stage.score.arrays().items()
        }
        return {**scores, "limits": np.array([stage.limit for stage in self.stages[:-1]])}


def one_stage(score: JoinedScore, features: Sequence[Feature]) -> Cascade:
    """Return the cascade that decides at once, by a score of ``features``."""
    views = tuple(view for view in map(view_of, features) if view)
    return Cascade((Stage(views, len(features), score),))


def arrays_of_stage(number: int, arrays: Arrays) -> Arrays:
    """Return the stored arrays of one stage, by their own names."""
    return {name.removeprefix(f"{number}/"): array for name, array in arrays.items() if name.startswith(f"{number}/")}
