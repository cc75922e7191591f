"""Feature squeezing: a legitimate answer does not change when the image is squeezed (Xu et al. 2018)."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from pathprint.profiling.arrays import Floats
from pathprint.profiling.evaluation.baselines.observation import Observation


def squeezing(seen: Observation) -> Floats:
    """Return the joint score: the largest L1 change of the softmax over the squeezers."""
    before, after = softmax(seen.logits, axis=1), softmax(seen.squeezed, axis=2)
    change: Floats = np.abs(after - before).sum(axis=2).max(axis=0)
    return change
