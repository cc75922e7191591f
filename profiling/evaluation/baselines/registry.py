"""All baselines by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats
from pathprint.profiling.data.correct import Correct
from pathprint.profiling.data.roles import Calibrate
from pathprint.profiling.evaluation.baselines.confidence import energy, entropy, margin, max_softmax
from pathprint.profiling.evaluation.baselines.feature_squeezing import squeezing
from pathprint.profiling.evaluation.baselines.libraries import fitted, outside
from pathprint.profiling.evaluation.baselines.lid import lid
from pathprint.profiling.evaluation.baselines.mahalanobis import mahalanobis
from pathprint.profiling.evaluation.baselines.neighbours import nearest_neighbours
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, Observation, observe
from pathprint.profiling.evaluation.panel import Panel

UNFITTED: dict[str, tuple[str, Baseline]] = {
    "max-softmax": ("1 - largest softmax (Hendrycks & Gimpel 2017)", max_softmax),
    "margin": ("distance of the two largest logits", margin),
    "entropy": ("entropy of the softmax", entropy),
    "energy": ("log-sum-exp of the logits (Liu et al. 2020)", energy),
    "squeezing": ("feature squeezing: bit depth, median (Xu et al. 2018)", squeezing),
}
FITTED: dict[str, tuple[str, Callable[[Lessons], Baseline]]] = {
    "knn": ("distance to the 50th nearest neighbour, penultimate layer (Sun et al. 2022)", nearest_neighbours),
    "mahalanobis": ("per layer, logistic regression (Lee et al. 2018); saw the fit attacks", mahalanobis),
    "lid": ("local intrinsic dimensionality per layer (Ma et al. 2018); saw the fit attacks", lid),
}


def baseline_panel(network: Network, held: Correct[Calibrate], lessons: Lessons | None) -> Panel[Observation]:
    """Return all baselines, calibrated on the clean images ``held``; without ``lessons``, those that need no fitting.

    With ``lessons``, the detectors of other libraries are included if these are installed.
    """
    known = UNFITTED | (_fitted(lessons) if lessons else {})

    def score(seen: Observation) -> Mapping[str, Floats]:
        return {name: detector(seen) for name, (_, detector) in known.items()}

    summaries = {name: summary for name, (summary, _) in known.items()}
    measure = partial(observe, network)
    return Panel(summaries, measure, score, score(measure(held.pixels)))


def _fitted(lessons: Lessons) -> dict[str, tuple[str, Baseline]]:
    return fitted(FITTED | outside(), lessons)
