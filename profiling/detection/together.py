"""Verdicts on several images at once: the one way in which `scan` and the service examine batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pathprint.profiling.detection.bundle import GOLDEN_TOLERANCE
from pathprint.profiling.detection.detector import Detector, Verdict

AT_ONCE = 16
"""Images that are examined as one batch: on small networks four to five times as fast as one by one, and hardly slower
than larger batches."""
TOLERANCE = GOLDEN_TOLERANCE
"""Largest difference between the score of an image in a batch and alone, where rounding differs."""


def examine_together(detector: Detector, pixels: Sequence[Tensor]) -> list[Verdict]:
    """Return the verdict on each image ``c h w``, examined as one batch.

    Where rounding could decide, an image is examined alone: company never changes a decision.

    Raises:
        PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        BundleError: the parts of the detector do not belong together, or a score is not finite.
    """
    if not pixels:
        return []
    found = detector.examine(torch.stack(list(pixels)))
    if len(pixels) == 1:
        return found
    return [
        detector.examine(one[None])[0] if is_close(detector, verdict) else verdict
        for one, verdict in zip(pixels, found, strict=True)
    ]


def is_close(detector: Detector, verdict: Verdict) -> bool:
    """Say whether a score is so near to one that decides that rounding might put it on the other side.

    That is the threshold, or the limit of acceptance of a stage that the image came to.
    """
    calibration = detector.calibration
    lines = (calibration.threshold, *calibration.uncertain)
    limits = [stage.limit for stage in detector.score.stages[: verdict.stage]]
    away = [abs(score - limit) for score, limit in zip((*verdict.passed, verdict.score), limits, strict=True)]
    return min(away) <= TOLERANCE or any(abs(verdict.score - line) <= TOLERANCE for line in lines)
