"""What is drawn is what was found: each number of a picture against its definition."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from io import BytesIO
from math import inf

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import LayerShape
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.pictures.band import Band
from pathprint.profiling.pictures.explained import Explained, explain_pixels
from pathprint.profiling.pictures.maps import LARGEST, map_data
from pathprint.profiling.pictures.pixels import input_units
from pathprint.profiling.pictures.road import Road
from pathprint.profiling.signatures.counts import ClassSignatures


@pytest.fixture(scope="module")
def pixels(digits: Dataset, digits_split: Split, bundle: Bundle) -> Tensor:
    """A clean digit, and noise."""
    clean = digits.pixels(digits_split.test.positions[:1], bundle.detector.network.preprocessing)
    return torch.cat([clean, torch.rand(1, *clean.shape[1:], generator=torch.Generator().manual_seed(0))])


@pytest.fixture(scope="module")
def explained(bundle: Bundle, pixels: Tensor) -> list[Explained]:
    return [explain_pixels(bundle.detector, image) for image in pixels]


def test_the_verdict_is_the_detectors(bundle: Bundle, pixels: Tensor, explained: list[Explained]) -> None:
    for image, found in zip(pixels, explained, strict=True):
        (verdict,) = bundle.detector.examine(image[None])
        assert found.verdict.to_dict() == verdict.to_dict()
        assert found.reasons[:3] == verdict.reasons
        assert max(found.tests.values()) == found.tests[verdict.test] == verdict.score
        assert verdict.usual_score + sum(layer.contribution for layer in verdict.layers) == pytest.approx(verdict.score)
        names = {layer.name: layer.contribution for layer in found.layers}
        assert names == {layer.layer: layer.contribution for layer in verdict.layers if layer.layer != "the answer"}
        assert [layer.name for layer in found.layers] == bundle.detector.extractor.layout.names


def test_each_layer_is_what_the_counts_say(bundle: Bundle, pixels: Tensor, explained: list[Explained]) -> None:
    signatures = bundle.detector.signatures
    assert isinstance(signatures, ClassSignatures)
    for image, found in zip(pixels, explained, strict=True):
        paths = bundle.detector.extractor.extract(image[None])
        rows = signatures.rows(np.array([found.verdict.predicted, found.verdict.runner_up]))
        images = signatures.images[rows]
        for layer, drawn in zip(paths.layers, found.layers, strict=True):
            on = layer.neurons.mask()[0]
            counts = signatures.counts[f"{layer.shape.name}/neurons"][rows].astype(float)
            typical = ((counts + 0.5) / (images + 1)[:, None])[:, on].mean(1)
            assert drawn.similarity.value == pytest.approx(typical[0])
            assert drawn.similarity_runner_up.value == pytest.approx(typical[1])
            assert (drawn.units, drawn.size) == (on.sum(), on.size)
            first, second = counts[:, on] > 0
            assert drawn.known.by_both == pytest.approx((first & second).mean())
            assert drawn.known.by_predicted == pytest.approx((first & ~second).mean())
            assert drawn.known.by_runner_up == pytest.approx((~first & second).mean())
            assert sum(drawn.known.to_dict().values()) == pytest.approx(1)
            by_channel = on.reshape(layer.shape.weights[0], -1).sum(1)
            usual = (counts / images[:, None]).reshape(2, layer.shape.weights[0], -1).sum(2)
            for channel in drawn.channels:
                assert channel.units == by_channel[channel.number]
                assert [channel.usual, channel.usual_runner_up] == pytest.approx(usual[:, channel.number].tolist())
            left_out = np.delete(np.maximum(by_channel, usual[0]), [channel.number for channel in drawn.channels])
            least = min(max(channel.units, channel.usual) for channel in drawn.channels)
            assert left_out.max(initial=0) <= least + 1e-9


def test_the_first_layer_lies_over_the_image(bundle: Bundle, explained: list[Explained]) -> None:
    signatures = bundle.detector.signatures
    assert isinstance(signatures, ClassSignatures)
    for found in explained:
        assert found.first == "0"
        assert found.places is not None
        assert found.places.shape == (3, 8, 8)
        assert found.places[0].sum() == found.layers[0].units
        row = signatures.rows(np.array([found.verdict.predicted]))[0]
        usual = signatures.counts["0/neurons"][row].reshape(16, 8, 8).sum(0) / signatures.images[row]
        assert np.allclose(found.places[1], usual)


def test_the_pixels_on_the_path_are_those_that_the_first_layers_synapses_read(
    extractor: Extractor, pixels: Tensor
) -> None:
    """The first layer is a 3 x 3 convolution of one channel with a border of one pixel."""
    listing = replace(extractor, policy=replace(extractor.policy, synapses=True))
    for image in pixels:
        synapses = listing.extract(image[None]).layers[0].members("synapses").one(0)
        unit, position = np.divmod(synapses, 9)
        y = unit % 64 // 8 + position // 3 - 1
        x = unit % 8 + position % 3 - 1
        expected = np.zeros((1, 8, 8), bool)
        expected[0, y, x] = True
        assert expected.any()
        found = input_units(extractor, image[None])
        assert found is not None
        assert np.array_equal(found, expected)


def test_a_path_that_does_not_reach_the_input_has_no_pixels(extractor: Extractor, pixels: Tensor) -> None:
    names = extractor.layout.names
    for policy in (Policy(layers=2), Policy(phi=dict.fromkeys(names, 0.1), firing=dict.fromkeys(names, 0.5))):
        assert input_units(replace(extractor, policy=policy), pixels[:1]) is None


def test_the_data_is_plain_and_finite(explained: list[Explained]) -> None:
    for found in explained:
        data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert sum(data["score"]["clean"]["counts"]) == data["score"]["clean"]["images"] == len(found.clean_scores)
        edges = data["score"]["clean"]["edges"]
        assert edges[0] <= min(data["score"]["value"], data["score"]["threshold"])
        assert edges[-1] >= max(data["score"]["value"], data["score"]["threshold"])
        assert found.input_units is not None
        assert np.array_equal(decoded(data["maps"]["input"]["png"]) > 0, found.input_units.any(0))


def test_a_linear_layer_counts_units_and_has_no_places() -> None:
    shape = LayerShape("last", (3, 2), (2, 5))  # three rows of two units
    shares = np.arange(12).reshape(2, 6) / 12
    road = Road(shape, np.array([1, 4, 5]), shares)
    assert road.places is None
    assert [(channel.number, channel.units) for channel in road.channels] == [(1, 2), (0, 1)]
    assert road.channels[0].usual == pytest.approx((1 + 3 + 5) / 12)


def test_an_empty_path_is_known_to_nobody() -> None:
    road = Road(LayerShape("last", (2,), (2, 5)), np.array([], np.int64), np.zeros((2, 2)))
    assert set(road.known.to_dict().values()) == {0}
    assert road.channels == ()


@given(st.floats(0, 1), st.floats(0, 2))
def test_a_band_is_in_order_and_within_its_bounds(usual: float, spread: float) -> None:
    band = Band(usual, spread, True, 0, 1)
    assert 0 <= band.low <= band.quartiles[0] <= usual <= band.quartiles[1] <= band.high <= 1


def test_a_band_holds_nine_of_ten_and_one_of_two() -> None:
    drawn = np.random.default_rng(0).normal(3, 2, 100_000)
    band = Band(3, 2, True, -inf, inf)
    for low, high, share in ((band.low, band.high, 0.9), (*band.quartiles, 0.5)):
        assert ((drawn >= low) & (drawn <= high)).mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (900, 600)])
def test_a_map_is_a_picture_of_bounded_size(size: tuple[int, int]) -> None:
    values = np.random.default_rng(0).random(size) * 7
    found = map_data(values, 7.0)
    levels = decoded(found["png"])
    assert levels.shape == (found["height"], found["width"])
    assert max(levels.shape) <= LARGEST
    if size == levels.shape:
        assert np.abs(levels / 255 * found["most"] - values).max() <= 7 / 255


def test_a_map_of_nothing_is_black() -> None:
    assert not decoded(map_data(np.zeros((2, 3)), 0.0)["png"]).any()


def decoded(address: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    kind, _, data = address.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(base64.b64decode(data))))
