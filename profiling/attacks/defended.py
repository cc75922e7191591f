"""A network and its detector as somebody attacks them: what both say of pixels, as plain functions.

The form, ``classify`` and ``detect``, is that of public tests of defences (Carlini's selfstudy-adversarial-robustness),
so that attacks that were written for others run on Pathprint. docs/attacking.md shows two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.arrays import Bits, Floats
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.detector import Detector, Verdict
from pathprint.profiling.detection.together import AT_ONCE, examine_together

Pixels = TypeVar("Pixels", Tensor, Floats)


@dataclass(frozen=True)
class Defended:
    """A network together with its detector.

    Pixels are ``n c h w`` in [0, 1], before the network's normalisation, as torch tensors or numpy arrays. What is
    asked with a tensor is answered with a tensor, on its device; what is asked with an array, with an array.
    """

    detector: Detector

    @staticmethod
    def load(bundle: Bundle | str | Path) -> Defended:
        """Return what a bundle protects, together with its detector.

        Raises:
            BundleError: the bundle cannot be read.
        """
        return Defended((bundle if isinstance(bundle, Bundle) else load_bundle(bundle)).detector)

    @property
    def threshold(self) -> float:
        """An image with a larger score is flagged."""
        return self.detector.calibration.threshold

    def classify(self, pixels: Pixels) -> Pixels:
        """Return the network's logits ``n k``; of tensors they are differentiable.

        Raises:
            PixelsError: the pixels do not have the network's input shape.
        """
        if isinstance(pixels, Tensor):
            return self.detector.network.logits(pixels)
        with torch.no_grad():
            return self.detector.network.logits(_tensor(pixels)).numpy()

    def detect(self, pixels: Pixels) -> Pixels:
        """Return the detector's scores ``(n,)``, of the pixels as they are; larger is more suspicious.

        They have no gradient: which units are on a path is a choice, and choices are piecewise constant.

        Raises:
            PixelsError: the pixels are not in [0, 1], or do not have the network's input shape.
        """
        if isinstance(pixels, Tensor):
            return torch.from_numpy(self._scores(pixels)).to(pixels.device)
        return self._scores(_tensor(pixels))

    def evaded(self, pixels: Pixels, labels: Pixels) -> Bits:
        """Return which images, rounded to 8 bit, are answered wrongly and not flagged, ``(n,)``.

        A wrong answer counts only if the detector gives verdicts on its class: on all others it says that it is
        uncertain, so an attacker gains nothing.

        Args:
            labels: the right classes, ``(n,)``.
        """
        tensor = pixels.detach() if isinstance(pixels, Tensor) else _tensor(pixels)
        verdicts = self._examined(to_8_bit(tensor))
        predicted = np.array([verdict.predicted for verdict in verdicts], dtype=np.int64)
        flagged = np.array([verdict.flagged for verdict in verdicts], dtype=bool)
        right = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
        return cast(Bits, (predicted != right) & np.isin(predicted, self.detector.judged) & ~flagged)

    def _scores(self, pixels: Tensor) -> Floats:
        return np.array([verdict.score for verdict in self._examined(pixels.detach())], dtype=np.float64)

    def _examined(self, pixels: Tensor) -> list[Verdict]:
        return [
            verdict for part in torch.split(pixels, AT_ONCE) for verdict in examine_together(self.detector, list(part))
        ]


def _tensor(pixels: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))
