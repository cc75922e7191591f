"""Our detector as an outlier detector of scikit-learn.

detector = PathDetector(network).fit(X, y)
detector.predict(X_new)  # -1 for adversarial images, 1 for benign ones
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.features.tiers import Tier
from pathprint.profiling.jobs.protecting import (
    Options,
    Protected,
    as_pixels,
    bundle_in,
    class_numbers,
    fitted,
    scores,
    verdicts,
)


class PathDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Tells adversarial from clean images by their effective paths.

    Images are arrays ``n c h w`` in [0, 1], or rows ``(n, c*h*w)`` of them, before the network's own normalisation. As
    everywhere in scikit-learn, a larger score is more normal.

    Attributes:
        bundle_: the detector with what belongs to it; ``bundle_.save`` writes it.
        offset_: ``decision_function`` is ``score_samples`` minus this.
        n_features_in_: number of values of an image.
    """

    def __init__(
        self,
        protected: Protected | None = None,
        *,
        classifier: str | None = None,
        tier: Tier | None = None,
        attacks: Sequence[str] | None = None,
        target_fpr: float | None = None,
        images_per_class: int | None = None,
        fit_images: int | None = None,
        calibration_images: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Keep the parameters; ``fit`` checks them.

        Args:
            protected: a network, to which ``fit`` makes a detector; or a bundle, or its folder, which has one.
            classifier, tier, attacks, target_fpr, images_per_class, fit_images, calibration_images, seed: as for
                ``pathprint.profile`` and ``pathprint.fit``; None for the value that ``protecting.Options`` has. All are
                None where ``protected`` is a bundle.
        """
        self.protected = protected
        self.classifier = classifier
        self.tier = tier
        self.attacks = attacks
        self.target_fpr = target_fpr
        self.images_per_class = images_per_class
        self.fit_images = fit_images
        self.calibration_images = calibration_images
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803  # scikit-learn calls images X
        """Profile, fit and calibrate on clean images; of a bundle, only load it.

        Args:
            X: clean images.
            y: their classes: numbers, one-hot rows, or names; None for the network's own answers.

        Raises:
            OptionsError: ``protected`` is no network and no bundle, or it is a bundle and options are not None.
            BundleError: the folder holds no bundle that can be read.
            PixelsError, DataError, SplitError, FitError, CalibrationError: as ``protecting.fitted`` says.
        """
        if self.protected is None:
            raise OptionsError("`protected` is not given; it is the network to make a detector for, or a bundle.")
        chosen = {name: value for name, value in self.get_params(deep=False).items() if value is not None}
        del chosen["protected"]
        self.bundle_ = bundle_in(self.protected, list(chosen)) or self._fitted(X, y, Options(**chosen))
        detector = self.bundle_.detector
        self.offset_ = -detector.calibration.threshold
        self.n_features_in_ = int(np.prod(detector.network.preprocessing.input_shape))
        return self

    def _fitted(self, images: Any, classes: Any, options: Options) -> Bundle:
        assert isinstance(self.protected, Network)
        pixels = _pixels(images, self.protected)
        labels = None if classes is None else class_numbers(classes, self.protected.labels)
        return fitted(self.protected, pixels, labels, options)

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Return how normal each image is, ``(n,)``: the detector's score with the opposite sign.

        Raises:
            NotFittedError: ``fit`` was not called.
            ValueError, TypeError: there are no images, or they are not finite, sparse, or no numbers.
            PixelsError: the images are not in [0, 1], or do not have the network's input shape.
        """
        check_is_fitted(self, "bundle_")
        detector = self.bundle_.detector
        return -scores(verdicts(detector, _pixels(X, detector.network)))

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Return how far each image is from the threshold, ``(n,)``; below 0 it is flagged."""
        found: Floats = self.score_samples(X) - self.offset_
        return found

    def predict(self, X: Any) -> Indices:  # noqa: N803
        """Return -1 for each image that is flagged as adversarial, and 1 for each other one, ``(n,)``."""
        return np.where(self.decision_function(X) < 0, -1, 1)


def _pixels(images: Any, network: Network) -> Tensor:
    """Return images as pixels of the network's input shape, after scikit-learn's own checks of arrays."""
    array = check_array(images, dtype="numeric", ensure_2d=False, allow_nd=True)
    return as_pixels(array, network.preprocessing.input_shape)
