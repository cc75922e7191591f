"""Fitted scores: sums of one contribution per feature, stored as arrays. No scikit-learn here.

A larger score is more suspicious. Scores that were fitted on attacks are on the logit scale; the one-class score is a
mean deviation from clean images, in their standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pathprint.profiling.arrays import Arrays, Floats


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
        return {"mean": self.mean, "scale": self.scale, "weights": self.weights, "intercept": scalar(self.intercept)}


def load_linear(kind: str) -> Callable[[Arrays, int], LinearScore]:
    """Return what reads a stored linear score of this ``kind``."""

    def load(arrays: Arrays, features: int) -> LinearScore:
        mean, scale, weights = columns(arrays, ("mean", "scale", "weights"), features)
        return LinearScore(kind, mean, scale, weights, number(arrays, "intercept"))

    return load


def columns(arrays: Arrays, names: Sequence[str], features: int) -> list[Floats]:
    """Return stored arrays with one finite number per feature."""
    found = [arrays[name] for name in names]
    require(
        all(one.shape == (features,) and np.isfinite(one).all() for one in found),
        f"{', '.join(names)} must be one finite number per feature",
    )
    return found


def number(arrays: Arrays, name: str) -> float:
    """Return a stored single number."""
    require(arrays[name].shape == (1,) and bool(np.isfinite(arrays[name]).all()), f"{name} must be one finite number")
    return float(arrays[name][0])


def require(holds: bool, rule: str) -> None:
    """Refuse a stored score, saying why, if it makes no sense."""
    if not holds:
        raise ValueError(f"the stored score is malformed: {rule}.")


def scalar(value: float) -> Floats:
    """Return a single number as an array to store."""
    return np.array([value], dtype=np.float64)
