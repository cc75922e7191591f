"""Fit the small classifiers (scikit-learn, offline only) and turn them into plain scores.

Rows of one source image stay together in cross-validation, or a copy of the same image would be in
both halves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.detection.kinds import KINDS
from pathprint.profiling.detection.one_class import guarded, shares
from pathprint.profiling.detection.scores import CurveScore, LinearScore, Score, bins_of, total
from pathprint.profiling.errors import FitError
from pathprint.profiling.features.table import Feature

Labels = npt.NDArray[np.int64]
_FOLDS = 5
_BINS = 32
_STRENGTHS = (0.03, 0.3, 3.0)  # of LogisticRegression: smaller is more regularised


@dataclass(frozen=True)
class Examples:
    """What a classifier is fitted on.

    Attributes:
        features: what the columns are.
        values: ``(n, f)``.
        adversarial: 1 for adversarial, 0 for clean, ``(n,)``.
        sources: number of the clean image each row was made from, ``(n,)``.
    """

    features: tuple[Feature, ...]
    values: Floats
    adversarial: Labels
    sources: Indices

    def __post_init__(self) -> None:
        if len(np.unique(self.adversarial)) < 2:
            raise FitError(
                "both clean and adversarial examples are needed; no attack succeeded, or no image was clean."
            )

    def subset(self, rows: Indices) -> Examples:
        """Return some of the rows."""
        return Examples(self.features, self.values[rows], self.adversarial[rows], self.sources[rows])

    @property
    def weights(self) -> Floats:
        """Weight of each row, such that clean and adversarial rows weigh the same in all."""
        share = np.bincount(self.adversarial) * 2 / len(self.adversarial)
        result: Floats = 1 / share[self.adversarial]
        return result


Fitter = Callable[[Examples], Score]


def fit_logistic(examples: Examples) -> Score:
    """Regularised logistic regression on standardised features; strength by grouped cross-validation.

    Features that measure the same in several layers share one portion of the regularisation:
    else what is measured once, as margins are, drowns in what is measured in every layer.
    """
    candidates: list[Fitter] = [partial(_logistic, strength=strength) for strength in _STRENGTHS]
    return _best(candidates, examples)(examples)


def _logistic(examples: Examples, strength: float) -> Score:
    mean, scale = _standardisation(examples.values)
    portions = np.sqrt(shares(examples.features))
    model = LogisticRegression(C=strength, max_iter=2000, tol=1e-3)
    model.fit((examples.values - mean) * scale * portions, examples.adversarial, sample_weight=examples.weights)
    weights: Floats = model.coef_[0].astype(np.float64) * portions
    return LinearScore("logistic", mean, scale, weights, float(model.intercept_[0]))


def _standardisation(values: Floats) -> tuple[Floats, Floats]:
    deviation = values.std(axis=0)
    return values.mean(axis=0), np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0)


def fit_joint_similarity(examples: Examples) -> Score:
    """The paper's linear model: containment on weights, falling in rank 1 and rising in rank 2.

    Qiu et al. 2019, section 3.2. We fit by logistic loss with bounds on the signs, where the
    authors' code uses a hinge loss and leaves the signs free.
    """
    trends = np.array([_joint_trend(feature) for feature in examples.features], dtype=np.float64)
    used = np.flatnonzero(trends)
    mean, scale = _standardisation(examples.values)
    rows = ((examples.values - mean) * scale * trends)[:, used]
    sign = np.where(examples.adversarial == 1, 1.0, -1.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        margin = sign * (rows @ point[:-1] + point[-1])
        slope = -sign * examples.weights / (1 + np.exp(np.clip(margin, -500, 500)))
        value = float(examples.weights @ np.logaddexp(0, -margin)) / len(rows) + 1e-4 * float(point[:-1] @ point[:-1])
        gradient = np.append(rows.T @ slope, slope.sum()) / len(rows) + np.append(2e-4 * point[:-1], 0)
        return value, gradient

    bounds = [(0, None)] * len(used) + [(None, None)]
    found = minimize(loss, np.zeros(len(used) + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = np.zeros(len(trends))
    weights[used] = found[:-1] * trends[used]
    return LinearScore("joint-similarity", mean, scale, weights, float(found[-1]))


def _joint_trend(feature: Feature) -> int:
    return feature.trend if feature.measure == "containment" and feature.kind == "weights" else 0


def fit_additive(examples: Examples) -> Score:
    """Gradient boosting without interactions, monotone where the sign is known: one curve a feature."""
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
    """Return the distinct inner quantiles of a column, filled up with infinity."""
    distinct = np.unique(np.quantile(column, quantiles, method="higher"))
    return np.append(distinct, np.full(len(quantiles) - len(distinct), np.inf))


def _curves(model: HistGradientBoostingClassifier, edges: Floats) -> Score:
    """Read the curve of each feature off the model, by moving one feature at a time from bin 0."""
    features, bins = len(edges), edges.shape[1] + 1
    origin = float(model.decision_function(np.zeros((1, features)))[0])
    heights = np.zeros((features, bins))
    for j in range(features):
        probe = np.zeros((bins, features))
        probe[:, j] = np.arange(bins)
        heights[j] = model.decision_function(probe) - origin
    return CurveScore("additive", edges, heights, origin)


FITTERS: dict[str, Fitter] = {
    "logistic": fit_logistic,
    "additive": fit_additive,
    "joint-similarity": fit_joint_similarity,
}


def fit(kind: str, examples: Examples) -> Score:
    """Fit a classifier; ``auto`` takes the better of logistic and additive by cross-validation.

    All but the paper's linear model are guarded: see ``deviations.guarded``.

    Raises:
        FitError: there is no such classifier, or the examples come from too few images.
    """
    images = len(np.unique(examples.sources))
    if images < 2 * _FOLDS:
        raise FitError(f"the examples come from {images} images; at least {2 * _FOLDS} are needed.")
    if kind != "auto" and kind not in FITTERS:
        raise FitError(f"there is no classifier {kind!r}; allowed: {', '.join(KINDS)}.")
    fitter = _best([fit_logistic, fit_additive], examples) if kind == "auto" else FITTERS[kind]
    score = fitter(examples)
    benign = examples.values[examples.adversarial == 0]
    return score if kind == "joint-similarity" else guarded(score, examples.features, benign)


def _best(candidates: list[Fitter], examples: Examples) -> Fitter:
    """Return the candidate with the largest cross-validated AUC, the first on ties."""
    areas = [cross_validated_auc(candidate, examples) for candidate in candidates]
    return candidates[int(np.argmax(areas))]


def cross_validated_auc(fitter: Fitter, examples: Examples) -> float:
    """Return the mean AUC over folds that share no source image and have both kinds; 0 if there is none."""
    areas = []
    for train, test in GroupKFold(_FOLDS).split(examples.values, groups=examples.sources):
        if len(set(examples.adversarial[test])) < 2 or len(set(examples.adversarial[train])) < 2:
            continue  # so few attacks succeeded that a fold has none
        score = fitter(examples.subset(train))
        areas.append(roc_auc_score(examples.adversarial[test], total(score, examples.values[test])))
    return float(np.mean(areas)) if areas else 0.0
