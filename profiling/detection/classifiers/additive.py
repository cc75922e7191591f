"""Gradient boosting without interactions: one curve per feature, monotone if the feature's sign is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Arrays, Floats
from pathprint.profiling.detection.classifiers.classifier import Classifier
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.scores import Score, number, require, scalar

_BINS = 32


@dataclass(frozen=True)
class CurveScore:
    """One step function per feature: a value of feature ``j`` that exceeds ``b`` edges adds ``heights[j, b]``.

    ``edges`` is ``(f, b - 1)``, ascending and padded with infinity; ``heights`` is ``(f, b)``.
    """

    kind: str
    edges: Floats
    heights: Floats
    intercept: float

    def contributions(self, values: Floats) -> Floats:
        bins = bins_of(values, self.edges)
        return self.heights[np.arange(values.shape[1]), bins]

    def arrays(self) -> Arrays:
        return {"edges": self.edges, "heights": self.heights, "intercept": scalar(self.intercept)}


def bins_of(values: Floats, edges: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return how many edges of its feature lie below each of ``values`` ``(n, f)``; ``edges`` is ``(f, b - 1)``."""
    columns = [np.searchsorted(edges[j], values[:, j], side="left") for j in range(values.shape[1])]
    return np.stack(columns, axis=1)


def fit(examples: Examples) -> Score:
    """Fit boosted trees of one feature each, monotone if the feature's sign is known, and read the curves off them."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    quantiles = np.linspace(0, 1, _BINS + 1)[1:-1]
    edges = np.stack([_edges(column, quantiles) for column in examples.values.T])
    model = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=200,
        max_leaf_nodes=4,
        l2_regularization=1.0,
        interaction_cst="no_interactions",
        monotonic_cst=[feature.trend for feature in examples.features],
        early_stopping=False,
        random_state=0,
    )
    model.fit(bins_of(examples.values, edges), examples.adversarial, sample_weight=examples.weights)
    return _curves(model, edges)


def _edges(column: Floats, quantiles: Floats) -> Floats:
    """Return the distinct inner quantiles of a column, padded with infinity."""
    distinct = np.unique(np.quantile(column, quantiles, method="higher"))
    return np.append(distinct, np.full(len(quantiles) - len(distinct), np.inf))


def _curves(model: Any, edges: Floats) -> Score:
    """Read the curve of each feature off the model, by moving one feature at a time from bin 0."""
    features, bins = len(edges), edges.shape[1] + 1
    origin = float(model.decision_function(np.zeros((1, features)))[0])
    heights = np.zeros((features, bins))
    for j in range(features):
        probe = np.zeros((bins, features))
        probe[:, j] = np.arange(bins)
        heights[j] = model.decision_function(probe) - origin
    return CurveScore("additive", edges, heights, origin)


def load(arrays: Arrays, features: int) -> Score:
    """Return the stored score; ``features`` is their number.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays are malformed, or do not have ``features`` curves.
    """
    edges, heights = arrays["edges"], arrays["heights"]
    fits = edges.shape == (features, heights.shape[-1] - 1) and len(heights) == features
    require(fits, "there must be one curve per feature")
    ascending = bool(np.isfinite(heights).all() and (edges[:, 1:] >= edges[:, :-1]).all())
    require(ascending, "curve edges must be ascending and heights finite")
    return CurveScore("additive", edges, heights, number(arrays, "intercept"))


CLASSIFIER = Classifier((fit,), load, automatic=True)
