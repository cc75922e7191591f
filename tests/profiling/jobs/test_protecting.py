"""Arrays of other libraries become images and classes, and what is neither is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pathprint.models.errors import PixelsError
from pathprint.models.network import Network
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.in_memory import images_in_memory
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import BundleError, DataError, OptionsError
from pathprint.profiling.jobs.protecting import (
    Options,
    as_pixels,
    bundle_in,
    class_numbers,
    named,
    uncropped,
    verdicts,
)

SHAPE = (1, 2, 3)
CLASSES = ("ant", "bee", "cat")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 2], [0, 2]),
        (np.array([0, 2], dtype=np.uint8), [0, 2]),
        ([0.0, 2.0], [0, 2]),
        ([[0], [2]], [0, 2]),
        (np.eye(3)[[0, 2]], [0, 2]),
        (np.eye(3, dtype=int)[[1, 1]], [1, 1]),
        (["ant", "cat"], [0, 2]),
        (np.array(["ant", "cat"], dtype=object), [0, 2]),
        (torch.tensor([0, 2]), [0, 2]),
    ],
)
def test_classes_are_numbers_rows_or_names(labels: Any, expected: list[int]) -> None:
    found = class_numbers(labels, CLASSES)
    assert found.tolist() == expected
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    "labels",
    [
        [0.5, 1],
        [[0, 1]],
        [[0.1, 0.2, 0.7]],
        [[0, 1, 1]],
        [[0, 0, 0]],
        [["ant", "bee", "cat"]],
        np.zeros((2, 2, 3)),
        [None, 1],
        [1 + 2j],
        [["ant"], ["dog"]],
    ],
)
def test_other_labels_are_refused(labels: Any) -> None:
    with pytest.raises(DataError, match=r"say no classes|is no class of the network"):
        class_numbers(labels, CLASSES)


def test_rows_are_laid_out_as_images() -> None:
    images = np.arange(12).reshape(2, *SHAPE) / 12
    for values in (images, images.reshape(2, 6), images.tolist(), torch.from_numpy(images)):
        assert torch.equal(as_pixels(values, SHAPE), torch.from_numpy(images).float())


@pytest.mark.parametrize(
    "values", [np.zeros((2, 5)), np.zeros((2, 2, 3, 1)), np.zeros(6), [[1], [1, 2]], "images", None]
)
def test_other_shapes_are_refused(values: Any) -> None:
    with pytest.raises(PixelsError, match=r"the network takes \(n, 1, 2, 3\)|no array of numbers"):
        as_pixels(values, SHAPE)


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_are_seen_by_jobs_as_they_are(channels: int, digits_network: Network) -> None:
    levels = torch.randint(0, 256, (5, channels, 8, 9), generator=torch.Generator().manual_seed(0))
    pixels = levels.float() / 255
    images = images_in_memory(pixels, np.array([0, 1, 2, 0, 1]), CLASSES)
    eyes = replace(digits_network.preprocessing, channels=channels, size=(8, 9), resize=100)
    network = uncropped(replace(digits_network, preprocessing=eyes))
    assert torch.equal(images.pixels(range(5), network.preprocessing), pixels)
    assert images.classes == CLASSES
    assert len(set(images.keys.tolist())) == 5


@pytest.mark.parametrize(
    ("labels", "said"),
    [([], "labels of shape"), ([0], "labels of shape"), ([0, 3], "reach from 0 to 3"), ([-1, 0], "reach from -1 to 0")],
)
def test_labels_that_are_no_classes_are_refused(labels: list[int], said: str) -> None:
    with pytest.raises(DataError, match=said):
        images_in_memory(torch.zeros(2, 1, 8, 8), np.array(labels, dtype=np.int64), CLASSES)


def test_no_images_are_refused() -> None:
    with pytest.raises(DataError, match="there are no images"):
        images_in_memory(torch.zeros(0, 1, 8, 8), np.zeros(0, dtype=np.int64), CLASSES)


def test_what_is_neither_network_nor_bundle_is_refused(tmp_path: Any, bundle: Bundle, digits_network: Network) -> None:
    assert bundle_in(bundle) is bundle
    assert bundle_in(digits_network) is None
    with pytest.raises(OptionsError, match="Linear cannot be protected"):
        bundle_in(torch.nn.Linear(1, 1))
    with pytest.raises(BundleError, match="is not a bundle"):
        bundle_in(tmp_path)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (None, []),
        (Options(), ["options"]),
        (Options(tier="fast"), ["tier"]),
        (Options(attacks=[], seed=1), ["attacks", "seed"]),
    ],
)
def test_options_beside_a_finished_bundle_are_refused_by_their_names(
    options: Options | None, names: list[str], bundle: Bundle, bundle_folder: Path, digits_network: Network
) -> None:
    assert named(options) == names
    assert bundle_in(digits_network, names) is None
    for finished in (bundle, bundle_folder, str(bundle_folder)):
        if not names:
            assert bundle_in(finished, names)
            continue
        with pytest.raises(OptionsError, match=f"^{', '.join(f'`{name}`' for name in names)}: without effect"):
            bundle_in(finished, names)


def test_verdicts_on_no_images_are_none(bundle: Bundle, digits: Dataset) -> None:
    assert verdicts(bundle.detector, torch.zeros(0, 1, 8, 8)) == []
    with pytest.raises(PixelsError, match="the network takes"):
        verdicts(bundle.detector, torch.zeros(0, 3, 8, 8))
