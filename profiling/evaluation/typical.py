"""Typical images of an evaluation, to look at: an attacked one that is found, one that is missed, a false alarm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from pathprint.profiling.arrays import Bits, Floats
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.evaluation.figures import TypicalImage
from pathprint.profiling.evaluation.trial import Scores, Trial
from pathprint.profiling.pictures.explained import explain_pixels


def typical_images(detector: Detector, trial: Trial, scores: Scores) -> tuple[TypicalImage, ...]:
    """Return one image of each kind that there is: the one with the median score, neither the best nor the worst."""
    return tuple(
        TypicalImage(what, explain_pixels(detector, pixels)) for what, pixels in _chosen(detector, trial, scores)
    )


def _chosen(detector: Detector, trial: Trial, scores: Scores) -> Iterator[tuple[str, Tensor]]:
    threshold = detector.calibration.threshold
    won = [(attack.name, at) for attack in trial.attacks for at in trial.crafted[attack.name].success.nonzero()[:, 0]]
    values = np.array([scores.attacks[name][int(at)] for name, at in won])
    for what, wanted in (("Found", values > threshold), ("Missed", values <= threshold)):
        if wanted.any():
            name, at = won[_median(values, wanted)]
            yield f"{what}: an image attacked by {name}", trial.crafted[name].pixels[int(at)]
    flagged = scores.clean > threshold
    if flagged.any():
        yield "A false alarm: a clean image that is flagged", trial.clean.pixels[_median(scores.clean, flagged)]


def _median(values: Floats, wanted: Bits) -> int:
    """Return the position of the median among the wanted values."""
    known = np.flatnonzero(wanted)
    return int(known[values[known].argsort(kind="stable")[len(known) // 2]])
