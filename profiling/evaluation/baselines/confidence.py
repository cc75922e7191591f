"""What the logits alone say: the trivial detectors that every other one has to beat. Nothing is fitted."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, logsumexp

from pathprint.profiling.arrays import Floats
from pathprint.profiling.evaluation.baselines.observation import Observation


def max_softmax(seen: Observation) -> Floats:
    """Return log(1 - the largest softmax) (Hendrycks & Gimpel 2017).

    The logarithm keeps the order, and still tells apart what is nearly certain.
    """
    others = np.sort(log_softmax(seen.logits, axis=1), axis=1)[:, :-1]
    doubt: Floats = logsumexp(others, axis=1)
    return doubt


def margin(seen: Observation) -> Floats:
    """Return minus the distance of the two largest logits."""
    ordered = np.sort(seen.logits, axis=1)
    return ordered[:, -2] - ordered[:, -1]


def entropy(seen: Observation) -> Floats:
    """Return the entropy of the softmax, in nats."""
    log_share = log_softmax(seen.logits, axis=1)
    found: Floats = -(np.exp(log_share) * log_share).sum(axis=1)
    return found


def energy(seen: Observation) -> Floats:
    """Return minus the log of the summed exponentials of the logits (Liu et al. 2020)."""
    free_energy: Floats = -logsumexp(seen.logits, axis=1)
    return free_energy
