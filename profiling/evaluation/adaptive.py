"""Detection of the adaptive attack, by an attacker who knows the detector, as a curve over the attacker's budget."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from pathprint.profiling.attacks.adaptive.evade import Adaptive, evade, unbeaten
from pathprint.profiling.attacks.adaptive.matching import Guides
from pathprint.profiling.data.correct import Correct, at_once
from pathprint.profiling.data.roles import Test
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.evaluation.figures import EvasionPoint
from pathprint.profiling.evaluation.metrics import Resampling
from pathprint.profiling.progress import track

GREY, RGB = (0.05, 0.1, 0.2, 0.3, 0.4), (1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)


def curve(
    detector: Detector, clean: Correct[Test], limit: int, seed: int, effort: Callable[[float], Adaptive] = Adaptive
) -> tuple[EvasionPoint, ...]:
    """Run the adaptive attack on the first ``limit`` clean images; return a point per Linf budget, ascending.

    Images are flagged at the bundle's threshold. Budgets are ``GREY`` or ``RGB``, by the number of channels.

    Args:
        effort: makes the settings of the attack from a budget.
    """
    pixels, labels, images = clean.pixels[:limit], clean.labels[:limit], clean.indices[:limit]
    size = at_once(pixels)  # a gradient keeps all activations in memory
    parts = list(zip(torch.split(pixels, size), torch.split(labels, size), strict=True))
    by_image, points = Resampling.over(images), []
    found, guides = [unbeaten(x) for x, _ in parts], Guides(clean.pixels, clean.labels)
    budgets = GREY if pixels.shape[1] == 1 else RGB
    for budget in budgets:
        tries = track(
            list(zip(parts, found, strict=True)), f"adaptive attack {budget:.3f}", lambda pair: len(pair[0][0])
        )
        # What a smaller budget found also lies within a larger one.
        found = [evade(detector, x, y, effort(budget), seed, guides, known) for (x, y), known in tries]
        evaded = np.concatenate([part.evaded(detector.calibration.threshold).numpy() for part in found])
        wrong = np.concatenate([part.wrong.numpy() for part in found])
        points.append(
            EvasionPoint(
                budget=budget,
                wrong=by_image.share(wrong, images),
                evaded=by_image.share(evaded, images),
                flagged=by_image.share(~evaded[wrong], images[wrong]),
            )
        )
    return tuple(points)
