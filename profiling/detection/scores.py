"""Fitted scores: sums of one contribution per feature, stored as arrays. No scikit-learn here.

Larger is more suspicious. A score is on the logit scale; that of one class alone is a mean deviation, in standard
deviations of clean images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.kinds import ONE_CLASS

MOST = 30.0
_GUARD = "guard_"
_TINY = 1e-12
Arrays = Mapping[str, np.ndarray[Any, np.dtype[Any]]]


class Score(Protocol):
    """A sum of per-feature contributions and a constant."""

    @property
    def kind(self) -> str: ...

    @property
    def intercept(self) -> float: ...

    def contributions(self, values: Floats) -> Floats:
        """Return what each feature adds to the score, ``(n, f)``, of feature values ``(n, f)``."""
        ...

    def arrays(self) -> Arrays:
        """Return what has to be stored."""
        ...


def total(score: Score, values: Floats) -> Floats:
    """Return the score of each image, ``(n,)``."""
    result: Floats = score.contributions(values).sum(axis=1) + score.intercept
    return result


@dataclass(frozen=True)
class LinearScore:
    """Weights on standardised features; ``scale`` is 1 / standard deviation, 0 for constant ones."""

    kind: str
    mean: Floats
    scale: Floats
    weights: Floats
    intercept: float

    def contributions(self, values: Floats) -> Floats:
        return (values - self.mean) * self.scale * self.weights

    def arrays(self) -> Arrays:
        return {"mean": self.mean, "scale": self.scale, "weights": self.weights, "intercept": _scalar(self.intercept)}


@dataclass(frozen=True)
class CurveScore:
    """One step function per feature: ``heights[j, b]`` where ``b`` edges of feature ``j`` lie below.

    ``edges`` is ``(f, b - 1)``, ascending, filled up with infinity; ``heights`` is ``(f, b)``.
    """

    kind: str
    edges: Floats
    heights: Floats
    intercept: float

    def contributions(self, values: Floats) -> Floats:
        bins = bins_of(values, self.edges)
        return self.heights[np.arange(values.shape[1]), bins]

    def arrays(self) -> Arrays:
        return {"edges": self.edges, "heights": self.heights, "intercept": _scalar(self.intercept)}


@dataclass(frozen=True)
class DeviationScore:
    """Weighted deviations from clean images, in the suspicious direction where one is known, else in any.

    A deviation counts as ``MOST`` standard deviations if it is more: one feature cannot say everything.
    ``scale`` is 1 / standard deviation of clean images, 0 for features that never change; ``trends``
    are those of the features, see ``Feature``. All have shape ``(f,)``.
    """

    kind: str
    mean: Floats
    scale: Floats
    trends: Floats
    weights: Floats
    intercept: float = 0.0

    def contributions(self, values: Floats) -> Floats:
        away = (values - self.mean) * self.scale
        suspicious = np.where(self.trends == 0, np.abs(away), np.maximum(away * self.trends, 0))
        return np.minimum(suspicious, MOST) * self.weights

    def arrays(self) -> Arrays:
        parts = {"mean": self.mean, "scale": self.scale, "trends": self.trends, "weights": self.weights}
        return {**parts, "intercept": _scalar(self.intercept)}


@dataclass(frozen=True)
class GuardedScore:
    """A score, and beyond ``limit`` of the mean deviation ``steepness`` for each unit of it.

    What the guard adds is divided among the features as their deviations are.
    """

    base: Score
    deviation: DeviationScore
    limit: float
    steepness: float

    @property
    def kind(self) -> str:
        return self.base.kind

    @property
    def intercept(self) -> float:
        return self.base.intercept

    def contributions(self, values: Floats) -> Floats:
        parts = self.deviation.contributions(values)
        mean = parts.sum(axis=1, keepdims=True)
        excess = self.steepness * np.maximum(mean - self.limit, 0)
        added: Floats = excess * parts / np.maximum(mean, _TINY)
        return self.base.contributions(values) + added

    def arrays(self) -> Arrays:
        guard = {f"{_GUARD}{name}": array for name, array in self.deviation.arrays().items()}
        limits = {f"{_GUARD}limit": _scalar(self.limit), f"{_GUARD}steepness": _scalar(self.steepness)}
        return {**self.base.arrays(), **guard, **limits}


def bins_of(values: Floats, edges: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return how many of each feature's edges lie below each value, ``(n, f)``."""
    columns = [np.searchsorted(edges[j], values[:, j], side="left") for j in range(values.shape[1])]
    return np.stack(columns, axis=1)


def stored_score(kind: str, guarded: bool, arrays: Arrays, features: int) -> Score:
    """Return the score of ``kind`` from its stored arrays.

    Raises:
        KeyError: an array is missing.
        ValueError: they are not those of a score of so many features.
    """
    if guarded:
        limit, steepness = (_number(arrays, f"{_GUARD}{name}") for name in ("limit", "steepness"))
        _require(steepness >= 0, "the guard's steepness is below 0")
        return GuardedScore(
            stored_score(kind, False, arrays, features), _deviation(arrays, _GUARD, features), limit, steepness
        )
    if kind == ONE_CLASS:
        return _deviation(arrays, "", features)
    intercept = _number(arrays, "intercept")
    if kind == "additive":
        edges, heights = arrays["edges"], arrays["heights"]
        _require(edges.shape == (features, heights.shape[-1] - 1) and len(heights) == features, "its curves do not fit")
        _require(bool(np.isfinite(heights).all() and (edges[:, 1:] >= edges[:, :-1]).all()), "its curves are none")
        return CurveScore(kind, edges, heights, intercept)
    mean, scale, weights = _columns(arrays, ("mean", "scale", "weights"), features)
    return LinearScore(kind, mean, scale, weights, intercept)


def _deviation(arrays: Arrays, prefix: str, features: int) -> DeviationScore:
    names = [f"{prefix}{name}" for name in ("mean", "scale", "trends", "weights")]
    mean, scale, trends, weights = _columns(arrays, names, features)
    _require(bool((scale >= 0).all() and (weights >= 0).all()), "it has negative deviations")
    _require(bool(np.isin(trends, (-1, 0, 1)).all()), "its directions are none")
    return DeviationScore(ONE_CLASS, mean, scale, trends, weights, _number(arrays, f"{prefix}intercept"))


def _columns(arrays: Arrays, names: Sequence[str], features: int) -> list[Floats]:
    found = [arrays[name] for name in names]
    _require(all(one.shape == (features,) and np.isfinite(one).all() for one in found), "its weights do not fit")
    return found


def _number(arrays: Arrays, name: str) -> float:
    _require(arrays[name].shape == (1,) and bool(np.isfinite(arrays[name]).all()), f"{name} is no number")
    return float(arrays[name][0])


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(f"the stored score makes no sense: {otherwise}.")


def _scalar(value: float) -> Floats:
    return np.array([value], dtype=np.float64)
