"""Detectors that judge from one measurement: measured once per image, scored by all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from profiling.building import features_of
from profiling.detection.detector import Detector
from profiling.detection.scores import Score, total
from profiling.lookup import Floats

NAME = "pathprint"


@dataclass(frozen=True)
class Panel:
    """Some detectors.

    Attributes:
        summaries: what each detector is, by name.
        score: the scores ``(n,)`` by name, of pixels ``n c h w``; the title is for the progress bar.
        clean_scores: each detector's scores of clean calibration images, by name.
    """

    summaries: Mapping[str, str]
    score: Callable[[Tensor, str], Mapping[str, Floats]]
    clean_scores: Mapping[str, Floats]


def path_panel(detector: Detector, others: Mapping[str, Score], calibrating: Floats | None) -> Panel:
    """Return the detector, and other scores on the same features.

    Args:
        others: by name; they need ``calibrating``.
        calibrating: features of the clean calibration images, ``(n, f)``.
    """

    def score(pixels: Tensor, title: str) -> Mapping[str, Floats]:
        table, _ = features_of(detector.extractor, detector.signatures, pixels, detector.thorough, title)
        return {name: total(judge, table.values) for name, judge in {NAME: detector.score, **others}.items()}

    clean_scores = {NAME: detector.clean_scores}
    if calibrating is not None:
        clean_scores |= {name: total(judge, calibrating) for name, judge in others.items()}
    summaries = {name: judge.kind for name, judge in {NAME: detector.score, **others}.items()}
    return Panel(summaries, score, clean_scores)
