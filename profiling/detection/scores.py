"""Fitted scores: sums of one contribution per feature, stored as arrays and computed without scikit-learn.

A larger score is more suspicious. Scores that were fitted on attacks are log-odds; the one-class score is the mean
deviation from clean images, in standard deviations of clean images.
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
        """Return what each feature adds to the score, ``(n, f)``; ``values`` are the features, ``(n, f)``."""
        ...

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name."""
        ...


def total(score: Score, values: Floats) -> Floats:
    """Return the score of each image, ``(n,)``; ``values`` are its features, ``(n, f)``."""
    result: Floats = score.contributions(values).sum(axis=1) + score.intercept
    return result


@dataclass(frozen=True)
class LinearScore:
    """A weighted sum of standardised features; ``scale`` is 1 / standard deviation, 0 for constant features."""

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
    """Return a function that makes a linear score of ``kind`` from stored arrays and the number of features."""

    def load(arrays: Arrays, features: int) -> LinearScore:
        mean, scale, weights = columns(arrays, ("mean", "scale", "weights"), features)
        return LinearScore(kind, mean, scale, weights, number(arrays, "intercept"))

    return load


def columns(arrays: Arrays, names: Sequence[str], features: int) -> list[Floats]:
    """Return the stored arrays ``names``.

    Raises:
        KeyError: an array is missing.
        ValueError: an array does not have one finite number per feature.
    """
    found = [arrays[name] for name in names]
    require(
        all(one.shape == (features,) and np.isfinite(one).all() for one in found),
        f"{', '.join(names)} must be one finite number per feature",
    )
    return found


def number(arrays: Arrays, name: str) -> float:
    """Return a single stored number.

    Raises:
        KeyError: it is missing.
        ValueError: it is not one finite number.
    """
    require(arrays[name].shape == (1,) and bool(np.isfinite(arrays[name]).all()), f"{name} must be one finite number")
    return float(arrays[name][0])


def require(holds: bool, rule: str) -> None:
    """Raise a ValueError that quotes ``rule`` if a stored score breaks it."""
    if not holds:
        raise ValueError(f"the stored score is malformed: {rule}.")


def scalar(value: float) -> Floats:
    """Return a single number as an array to store."""
    return np.array([value], dtype=np.float64)
