"""Local intrinsic dimensionality per layer, joined by logistic regression (Ma et al. 2018)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from pathprint.profiling.arrays import Floats
from pathprint.profiling.evaluation.baselines.logistic import joined
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, Observation

_BATCH, _NEIGHBOURS = 100, 20  # Ma et al. 2018, section 4: minibatches of 100, k = 20
_TINY = 1e-12


def dimensionality(values: Floats, reference: Floats, neighbours: int = _NEIGHBOURS) -> Floats:
    """Return the maximum-likelihood estimate -1 / mean log(r_i / r_k) of each row of ``values``, ``(n,)``.

    r_i is the distance to the i-th nearest row of ``reference``, and k is ``neighbours``.
    """
    nearest = np.sort(cdist(values, reference), axis=1)[:, :neighbours]
    ratios = np.maximum(nearest, _TINY) / np.maximum(nearest[:, -1:], _TINY)
    found: Floats = -1 / np.minimum(np.log(ratios).mean(axis=1), -_TINY)
    return found


def lid(lessons: Lessons) -> Baseline:
    """Return the fitted detector; neighbours are searched in one fixed minibatch of clean profile images.

    Raises:
        FitError: there are no attacked images to fit on.
    """
    references = [values[:_BATCH] for values in lessons.profiled.layers]

    def estimates(seen: Observation) -> Floats:
        layers = zip(seen.layers, references, strict=True)
        return np.stack([dimensionality(values, reference) for values, reference in layers], axis=1)

    return joined(estimates, lessons)
