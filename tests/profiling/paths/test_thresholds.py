"""Calibrated thresholds choose as much as cumulative paths do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.thresholds import calibrated
from tests.profiling.paths.networks import built


def images(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 2, 12, 12, generator=torch.Generator().manual_seed(seed))


def synapses(paths: ImagePaths) -> list[int]:
    return [int(layer.synapses.sum()) for layer in paths.layers]


def neurons(paths: ImagePaths) -> list[int]:
    return [int(layer.neurons.counts.sum()) for layer in paths.layers]


@pytest.mark.parametrize("name", ["residual", "relu", "attention"])
@pytest.mark.parametrize("layers", [None, 2])
def test_absolute_paths_have_as_many_synapses_on_the_calibration_images(name: str, layers: int | None) -> None:
    extractor = Extractor(built(name)[1], Policy(layers=layers))
    names = extractor.layout.names
    policy = calibrated(extractor, images(8), names)
    assert sorted(policy.phi) == sorted(names)
    expected, found = (synapses(e.extract(images(8))) for e in (extractor, replace(extractor, policy=policy)))
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=2)


def test_forward_paths_have_as_many_neurons_and_synapses_on_the_calibration_images() -> None:
    extractor = Extractor(built("residual")[1])
    names = extractor.layout.names
    policy = calibrated(extractor, images(8), names, forward=True)
    usual, forward = (e.extract(images(8)) for e in (extractor, replace(extractor, policy=policy)))
    np.testing.assert_allclose(neurons(forward), neurons(usual), rtol=0.01, atol=2)
    np.testing.assert_allclose(synapses(forward), synapses(usual), rtol=0.01, atol=2)


def test_thresholds_hold_about_for_other_images(digits: Dataset, digits_split: Split, extractor: Extractor) -> None:
    pixels = digits.pixels(digits_split.test.positions[:64], extractor.network.preprocessing)
    names = extractor.layout.names
    policy = calibrated(extractor, pixels[:32], names)
    expected, found = (synapses(e.extract(pixels[32:])) for e in (extractor, replace(extractor, policy=policy)))
    np.testing.assert_allclose(found, expected, rtol=0.3)


def test_only_the_named_layers_choose_absolutely() -> None:
    extractor = Extractor(built("residual")[1])
    policy = calibrated(extractor, images(4), ["twice"])
    assert list(policy.phi) == ["twice"]
    assert not policy.firing
    found = replace(extractor, policy=policy).extract(images(4))
    for mine, other in zip(found.layers, extractor.extract(images(4)).layers, strict=True):
        if mine.shape.name in ("depthwise", "fc"):  # after it, so untouched by it
            np.testing.assert_array_equal(mine.members("weights").mask(), other.members("weights").mask())


def test_calibration_keeps_the_other_options() -> None:
    asked = Policy(theta=0.7, reference="positive", layers=3, synapses=True)
    policy = calibrated(Extractor(built("residual")[1], asked), images(4), ["fc"])
    assert replace(policy, phi={}) == asked


def test_layer_that_the_path_does_not_cover_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"stem\.0 cannot choose absolutely: not among the layers of this path"):
        calibrated(Extractor(built("residual")[1], Policy(layers=1)), images(4), ["stem.0"])
