"""Logistic regression whose weights keep given signs."""

from __future__ import annotations

import numpy as np

from pathprint.profiling.arrays import Floats


def bounded_logistic(columns: Floats, sides: Floats, weights: Floats, signs: Floats, penalty: float = 1.0) -> Floats:
    """Return the weights of the columns and a constant, ``(f + 1,)``.

    They minimise the weighted logistic loss plus half of ``penalty`` times the squares of the columns' weights.

    Args:
        columns: ``(n, f)``.
        sides: 1 or -1 for each row, ``(n,)``.
        weights: of the rows, ``(n,)``.
        signs: what a column's weight must not contradict: 1 or -1, or 0 if it may be anything, ``(f,)``.
    """
    from scipy.optimize import minimize

    def loss(point: Floats) -> tuple[float, Floats]:
        slopes = point[:-1]
        margins = sides * (columns @ slopes + point[-1])
        pulls = -weights * sides * np.exp(-np.logaddexp(0, margins))
        gradient = np.append(columns.T @ pulls + penalty * slopes, pulls.sum())
        return float(weights @ np.logaddexp(0, -margins) + penalty / 2 * (slopes @ slopes)), gradient

    bounds = [(0 if sign > 0 else None, 0 if sign < 0 else None) for sign in signs] + [(None, None)]
    start = np.zeros(columns.shape[1] + 1)
    found: Floats = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 2000}).x
    return found
