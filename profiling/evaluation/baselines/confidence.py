"""Scores of the logits alone: trivial detectors that every other detector has to beat. Nothing is fitted."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, logsumexp

from pathprint.profiling.arrays import Floats
from pathprint.profiling.evaluation.baselines.observation import Observation


def max_softmax(seen: Observation) -> Floats:
    """Return log(1 - the largest softmax) (Hendrycks & Gimpel 2017).

    The logarithm does not change the order, and keeps apart answers whose softmax is nearly 1.
    """
    others = np.sort(log_softmax(seen.logits, axis=1), axis=1)[:, :-1]
    doubt: Floats = logsumexp(others, axis=1)
    return doubt


def margin(seen: Observation) -> Floats:
    """Return the second largest minus the largest logit, ``(n,)``."""
    ordered = np.sort(seen.logits, axis=1)
    return ordered[:, -2] - ordered[:, -1]


def entropy(seen: Observation) -> Floats:
    """Return the entropy of the softmax, in nats."""
    log_share = log_softmax(seen.logits, axis=1)
    found: Floats = -(np.exp(log_share) * log_share).sum(axis=1)
    return found


def energy(seen: Observation) -> Floats:
    """Return the free energy, minus the log of the summed exponentials of the logits (Liu et al. 2020), ``(n,)``."""
    free_energy: Floats = -logsumexp(seen.logits, axis=1)
    return free_energy
