"""Our detector runs in the loops of pytorch-ood: loaders in, its metrics out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from pathprint.models.errors import PixelsError
from pathprint.models.network import Network
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import DataError, OptionsError
from pathprint.profiling.jobs.protecting import Options
from tests.profiling.jobs.held import QUICK, Held, all_digits, held

pytest.importorskip("pytorch_ood", reason="the extra ood is not installed")

from pytorch_ood.api import Detector, RequiresFittingException
from pytorch_ood.metrics import OODMetrics

from pathprint.profiling.jobs.for_pytorch_ood import PathDetector


@pytest.fixture(scope="module")
def images(digits_network: Network, digits: Dataset, digits_split: Split) -> Held:
    return held(digits_network, digits, digits_split)


def loader(images: Held) -> DataLoader[tuple[Tensor, ...]]:
    """Return clean images with their classes, and attacked ones with the library's label of outliers."""
    pixels = torch.from_numpy(images.clean), torch.from_numpy(images.attacked)
    labels = torch.from_numpy(images.labels), torch.full((len(images.attacked),), -1)
    return DataLoader(TensorDataset(torch.cat(pixels), torch.cat(labels)), batch_size=7)


def measured(detector: Any, images: Held) -> dict[str, float]:
    metrics = OODMetrics()
    for x, y in loader(images):
        metrics.update(detector(x), y)
    found: dict[str, float] = metrics.compute()
    return found


def test_scores_are_larger_for_attacked_images(bundle: Bundle, images: Held) -> None:
    detector: Detector = PathDetector(bundle)
    assert not detector.requires_fit
    assert measured(detector.to("cpu"), images)["AUROC"] > 0.8
    x = torch.from_numpy(images.clean)
    assert torch.equal(detector.predict(x), detector(x))
    assert detector.predict(x).shape == (len(x),)
    assert detector.predict(x[:0]).shape == (0,)


def test_a_network_has_to_be_fitted(digits_network: Network, digits: Dataset, images: Held) -> None:
    detector = PathDetector(digits_network, QUICK)
    assert detector.requires_fit
    for ask in (lambda: detector.predict(torch.from_numpy(images.clean)), lambda: detector.threshold):
        with pytest.raises(RequiresFittingException):
            ask()
    pixels, labels = (torch.tensor(array) for array in all_digits(digits_network, digits))
    labels[:20] = -1  # which the library's detectors leave out of fitting
    fitted = detector.fit(DataLoader(TensorDataset(pixels, labels), batch_size=100))
    assert fitted is detector
    assert detector.bundle is not None
    known = detector.bundle.used["profile"] | detector.bundle.used["fit"] | detector.bundle.used["calibrate"]
    assert not known & set(digits.keys[:20].tolist())
    assert measured(detector, images)["AUROC"] > 0.65


def test_the_threshold_is_that_of_the_bundle(bundle_folder: Path, bundle: Bundle, images: Held) -> None:
    detector = PathDetector(bundle_folder)
    assert detector.fit(iter([])) is detector  # nothing to do
    assert detector.threshold == bundle.detector.calibration.threshold
    with pytest.raises(OptionsError, match="`tier`: without effect on a bundle"):
        PathDetector(bundle_folder, Options(tier="fast"))


def test_what_cannot_be_fitted_on_is_refused(digits_network: Network, images: Held) -> None:
    def only_outliers() -> Iterator[tuple[Tensor, Tensor]]:
        yield torch.from_numpy(images.clean), torch.full((len(images.clean),), -1)

    with pytest.raises(DataError, match="no image with a label of 0 or more"):
        PathDetector(digits_network).fit(only_outliers())
    normalised = [(torch.from_numpy(images.clean) * 4 - 2, torch.from_numpy(images.labels))]
    with pytest.raises(PixelsError, match="leave out mean and standard deviation"):
        PathDetector(digits_network).fit(normalised)
