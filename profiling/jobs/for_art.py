"""Our detector as an evasion detector of the Adversarial Robustness Toolbox, ART (extra ``art``).

detector = PathDetector("my-bundle")
report, is_adversarial = detector.detect(images)
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pathprint.models.network import Network
from pathprint.profiling.arrays import Bits
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import FitError, MissingExtraError
from pathprint.profiling.jobs.protecting import (
    Options,
    Protected,
    as_pixels,
    bundle_in,
    class_numbers,
    fitted,
    named,
    scores,
    verdicts,
)

try:
    from art.defences.detector.evasion import EvasionDetector
except ImportError as error:
    raise MissingExtraError(
        f"this detector is for adversarial-robustness-toolbox, which cannot be imported ({error}): pip install "
        "'pathprint[art]'."
    ) from error


class PathDetector(EvasionDetector):  # type: ignore[misc]  # ART has no types
    """Tells adversarial from clean images by their effective paths.

    Images are arrays ``n c h w`` in [0, 1], as they are before the network's own normalisation: a ``PyTorchClassifier``
    of the network has mean and standard deviation in its ``preprocessing``, and ``clip_values=(0, 1)``.
    """

    defence_params: ClassVar[list[str]] = ["protected", "options"]

    def __init__(self, protected: Protected, options: Options | None = None) -> None:
        """Take a bundle, or its folder, whose detector is ready; or a network, to which ``fit`` makes a detector.

        Args:
            options: how ``fit`` makes it; only with a network.

        Raises:
            BundleError: the folder holds no bundle that can be read.
            OptionsError: ``protected`` is something else, or it is a bundle and there are options.
        """
        super().__init__()
        self.protected, self.options = protected, options
        self.bundle = bundle_in(protected, named(options))

    def fit(self, x: Any, y: Any = None, batch_size: int = 128, nb_epochs: int = 20, **kwargs: Any) -> None:
        """Profile, fit and calibrate on clean images. A detector that was made of a bundle stays as it is.

        Args:
            x: clean images, ``n c h w`` in [0, 1].
            y: their classes: numbers ``(n,)``, or one-hot rows ``(n, k)``; None for the network's own answers. They are
                not marks of adversarial images, which ART's own detectors are fitted on.
            batch_size, nb_epochs, kwargs: for ART's own detectors; without effect here.

        Raises:
            PixelsError, DataError, SplitError, FitError, CalibrationError: as ``protecting.fitted`` says.
        """
        if isinstance(self.protected, Network):
            network = self.protected
            labels = None if y is None else class_numbers(y, network.labels)
            pixels = as_pixels(x, network.preprocessing.input_shape)
            self.bundle = fitted(network, pixels, labels, self.options or Options())

    def detect(self, x: Any, batch_size: int = 128, **kwargs: Any) -> tuple[dict[str, Any], Bits]:
        """Return a report, and which images are adversarial: bool ``(n,)``.

        Args:
            x: images, ``n c h w`` in [0, 1].
            batch_size, kwargs: for ART's own detectors; without effect here.

        Returns:
            The report holds ``predictions``, columns for clean and adversarial ``(n, 2)`` of which the larger decides,
            as ART's own detectors have them; ``scores`` ``(n,)``, larger is more suspicious; the ``threshold``; and the
            ``verdicts`` with their reasons.

        Raises:
            FitError: the detector was made of a network, and ``fit`` was not called.
            PixelsError: the images are not in [0, 1], or do not have the network's input shape.
        """
        detector = self._detector()
        found = verdicts(detector, as_pixels(x, detector.network.preprocessing.input_shape))
        threshold = detector.calibration.threshold
        flagged: Bits = np.array([verdict.flagged for verdict in found], dtype=np.bool_)
        of_each = scores(found)
        predictions: npt.NDArray[np.float64] = np.stack([np.full(len(found), threshold), of_each], axis=1)
        report = {"predictions": predictions, "scores": of_each, "threshold": threshold, "verdicts": found}
        return report, flagged

    def _detector(self) -> Detector:
        if self.bundle is None:
            raise FitError("the detector was made of a network and is not fitted; call `fit` with clean images first.")
        return self.bundle.detector

    def _check_params(self) -> None:
        """Take a detector from parameters that ``set_params`` has set; ART calls it."""
        self.bundle = bundle_in(self.protected, named(self.options))
