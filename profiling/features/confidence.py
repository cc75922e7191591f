"""Features of the network's answer: how sure it is, from the class scores (logits) alone."""

from __future__ import annotations

from functools import cache

import numpy as np

from pathprint.profiling.features.table import Feature, FeatureTable
from pathprint.profiling.paths.path import ImagePaths

LAYER = "the answer"
"""The layer that features of the answer name, as they belong to no weighted layer."""


def confidence(paths: ImagePaths) -> FeatureTable:
    """Return the features confidence, doubt and entropy.

    Confidence is the largest softmax probability, doubt the square root of 1 - confidence, and
    entropy (in nats) that of the softmax. All are bounded. A margin of logits is not: a classifier
    that has seen only attacks with small margins would take the large margins of strong attacks as a
    sign of clean images (docs/experiments/features.md).
    """
    logits = paths.logits.astype(np.float64)
    logits = logits - logits.max(axis=1, keepdims=True)
    log_share = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    share = np.exp(log_share)
    largest = share.max(axis=1)
    entropy = -(share * log_share).sum(axis=1)
    return FeatureTable(_features(), np.stack([largest, np.sqrt(1 - largest), entropy], axis=1))


@cache
def _features() -> tuple[Feature, ...]:
    return tuple(Feature(measure, LAYER, "", 0, 0) for measure in ("confidence", "doubt", "entropy"))
