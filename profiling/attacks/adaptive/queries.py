"""A search that asks the detector and uses no gradient, of the network or of a surrogate.

If it finds more than the ways that use gradients, then these are misled: the gradients are masked (Carlini et al.
2019, section 3.2). Its changes are those of the Square attack.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.adaptive.evade import Evasion, better, judged, unbeaten
from pathprint.profiling.attacks.attack import Goal
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.methods.square import Squares
from pathprint.profiling.detection.detector import Detector

_WRONG_FIRST = 1e6
"""Added to the margin of an image that is answered rightly, so that any wrong answer is better than it."""


def by_queries(
    detector: Detector, pixels: Tensor, labels: Tensor, budget: float, queries: int, seed: int = 0
) -> Evasion:
    """Search within an Linf ball for wrong answers with the lowest score; none is found without ``queries``.

    A square is kept if it lowers the margin of the right class or, of a wrong answer, the score.
    """
    found = unbeaten(pixels)
    if not queries:
        return found
    squares = Squares.drawn(pixels, budget, queries, Draws(pixels, seed))
    made, lowest = pixels, np.full(len(pixels), np.inf)
    for query in range(queries):
        tried = squares.tried(made, query) if query else squares.start
        seen = judged(detector, tried, labels)
        found, reached = better(found, seen), _away(detector, tried, labels, seen)
        closer = reached < lowest
        made = torch.where(torch.from_numpy(closer).reshape(-1, 1, 1, 1), tried, made)
        lowest = np.where(closer, reached, lowest)
    return found


def _away(detector: Detector, tried: Tensor, labels: Tensor, seen: Evasion) -> Floats:
    """Return how far each image is from an evasion, ``(n,)``: its score, or its margin if it is answered rightly."""
    with torch.no_grad():
        margin = Goal(labels).margin(detector.network.logits(to_8_bit(tried)))
    return np.where(seen.wrong.numpy(), seen.scores, _WRONG_FIRST + margin.double().numpy())
