"""Our detector in the form of pytorch-ood's detectors (extra ``ood``).

detector = PathDetector(network).fit(loader)
metrics = OODMetrics()
for x, y in test_loader:
    metrics.update(detector(x), y)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.errors import DataError, MissingExtraError
from pathprint.profiling.jobs.protecting import (
    Options,
    Protected,
    bundle_in,
    class_numbers,
    fitted,
    named,
    scores,
    verdicts,
)

try:
    from pytorch_ood.api import Detector, RequiresFittingException
except ImportError as error:
    raise MissingExtraError(
        f"this detector is for pytorch-ood, which cannot be imported ({error}): pip install 'pathprint[ood]'."
    ) from error


class PathDetector(Detector):  # type: ignore[misc]  # pytorch-ood has no types
    """Scores images by how little their effective paths are like those of the predicted class.

    Images are tensors ``n c h w`` in [0, 1]: leave ``Normalize`` out of the loader's transforms, because the network's
    own preprocessing has mean and standard deviation.
    """

    requires_fit = True

    def __init__(self, protected: Protected, options: Options | None = None) -> None:
        """Take a bundle, or its folder, whose detector is ready; or a network, to which ``fit`` makes a detector.

        Args:
            options: how ``fit`` makes it; only with a network.

        Raises:
            BundleError: the folder holds no bundle that can be read.
            OptionsError: ``protected`` is something else, or it is a bundle and there are options.
        """
        self.protected, self.options = protected, options
        self.bundle = bundle_in(protected, named(options))
        self.requires_fit = self.bundle is None

    def fit(self, data_loader: Iterable[tuple[Tensor, Tensor]]) -> Self:
        """Profile, fit and calibrate on the images of a loader. A detector that was made of a bundle stays as it is.

        Args:
            data_loader: yields clean images and their class numbers. As elsewhere in pytorch-ood, images with a label
                below 0 are out of distribution, and left out.

        Raises:
            PixelsError, DataError, SplitError, FitError, CalibrationError: as ``protecting.fitted`` says.
        """
        if isinstance(self.protected, Network):
            pixels, labels = _clean(data_loader)
            numbers = class_numbers(labels.numpy(), self.protected.labels)
            self.bundle = fitted(self.protected, pixels, numbers, self.options or Options())
        return self

    def predict(self, x: Tensor) -> Tensor:
        """Return the score of each image, ``(n,)``; larger is more suspicious.

        Raises:
            RequiresFittingException: the detector was made of a network, and ``fit`` was not called.
            PixelsError: the images are not in [0, 1], or do not have the network's input shape.
        """
        if self.bundle is None:
            raise RequiresFittingException
        return torch.from_numpy(scores(verdicts(self.bundle.detector, x))).float().to(x.device)

    @property
    def threshold(self) -> float:
        """An image with a larger score is flagged.

        Raises:
            RequiresFittingException: the detector was made of a network, and ``fit`` was not called.
        """
        if self.bundle is None:
            raise RequiresFittingException
        return self.bundle.detector.calibration.threshold


def _clean(loader: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return all images of a loader whose label is a class, with their labels, on the CPU."""
    parts = [(x[y >= 0].cpu(), y[y >= 0].cpu()) for x, y in loader]
    if not sum(len(x) for x, _ in parts):
        raise DataError("the loader yields no image with a label of 0 or more; give clean images to fit on.")
    images, labels = zip(*parts, strict=True)
    return torch.cat(images), torch.cat(labels)
