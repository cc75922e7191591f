"""Features of the answer itself: how sure the network is, from its logits alone."""

from __future__ import annotations

from functools import cache

import numpy as np

from pathprint.profiling.features.table import Feature, FeatureTable
from pathprint.profiling.paths.path import ImagePaths

LAYER = "the answer"
"""What features of the answer call their layer."""


def confidence(paths: ImagePaths) -> FeatureTable:
    """Return confidence (the largest softmax), doubt (the root of what it lacks) and entropy.

    All are bounded or end at 0 for a sure answer. A margin has no end: a classifier that has seen
    only attacks with small margins would take the large ones of strong attacks for proof of
    innocence (docs/experiments/features.md).
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
