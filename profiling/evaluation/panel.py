"""Panels: groups of detectors that share one measurement per image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.cascade import Cascade
from pathprint.profiling.detection.detector import Detector

NAME = "pathprint"
M = TypeVar("M")


@dataclass(frozen=True)
class Panel(Generic[M]):
    """Detectors that score the same measurement of an image.

    Attributes:
        summaries: what each detector is, by name.
        measure: takes pixels ``n c h w``, returns the measurement that all detectors score.
        score: takes a measurement, returns each detector's scores ``(n,)``, by name.
        clean_scores: each detector's scores of clean calibration images, by name.
    """

    summaries: Mapping[str, str]
    measure: Callable[[Tensor], M]
    score: Callable[[M], Mapping[str, Floats]]
    clean_scores: Mapping[str, Floats]


def path_panel(detector: Detector, others: Mapping[str, Cascade], calibrating: Floats | None) -> Panel[Floats]:
    """Return a panel of the detector and of ``others``, which score the same features.

    Args:
        others: other scores of the features, by name.
        calibrating: features of the clean calibration images, ``(n, f)``; required if there are ``others``.
    """

    def measure(pixels: Tensor) -> Floats:
        return detector.maker.make_all(pixels)[0].values

    def score(values: Floats) -> Mapping[str, Floats]:
        return {name: judge.total(values) for name, judge in {NAME: detector.score, **others}.items()}

    clean_scores = {NAME: detector.clean_scores}
    if calibrating is not None:
        clean_scores |= {name: judge.total(calibrating) for name, judge in others.items()}
    features = _asked(detector.views)
    summaries = {name: f"{judge.kind} score of {features}" for name, judge in {NAME: detector.score, **others}.items()}
    return Panel(summaries, measure, score, clean_scores)


def _asked(views: Sequence[str]) -> str:
    """Return what a score is made of, in words."""
    if not views:
        return "path and answer"
    return f"path, answer and {'the view ' if len(views) == 1 else 'the views '}{', '.join(views)}"
