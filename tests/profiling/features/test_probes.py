"""Linear probes against their definitions: what is averaged, how they are fitted, what follows from readings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pathprint.models.graph import INPUT
from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Images, Split
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.probes import Probes, probe
from pathprint.profiling.jobs import probe_fitting
from pathprint.profiling.jobs.fit import FitOptions, bundle_of, fit_detector
from pathprint.profiling.jobs.fit_inputs import Sizes
from pathprint.profiling.jobs.probe_fitting import Sums, with_probes
from pathprint.profiling.paths.averages import MOST
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures.counts import ClassSignatures


@pytest.fixture(scope="module")
def averaging(digits_network: Network) -> Extractor:
    return Extractor(digits_network, averages=True)


@pytest.fixture(scope="module")
def maker(extractor: Extractor, signatures: ClassSignatures, digits_split: Split) -> FeatureMaker:
    return with_probes(FeatureMaker(extractor, signatures), digits_split.profiled)


def quarters(activation: np.ndarray) -> np.ndarray:
    """Return the mean of each quarter of each channel, as adaptive pooling divides them: parts may share the middle."""
    channels, height, width = activation.shape
    rows, columns = (((0, -(-side // 2)), (side // 2, side)) for side in (height, width))
    found = [activation[c, a:b, d:e].mean() for c in range(channels) for a, b in rows for d, e in columns]
    return np.array(found)


def test_blank_probes_have_the_form_of_fitted_ones(maker: FeatureMaker) -> None:
    assert maker.probes is not None
    blank = Probes.blank(maker.extractor.plan.averages, len(maker.network.labels))
    assert blank.layers == maker.probes.layers
    assert [weights.shape for weights in blank.weights] == [weights.shape for weights in maker.probes.weights]
    assert {weights.dtype for weights in blank.weights} == {weights.dtype for weights in maker.probes.weights}


def test_averages_are_those_of_what_weighted_layers_read(averaging: Extractor) -> None:
    pixels = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    steps = averaging.plan.weighted
    with torch.inference_mode():
        values = averaging.network.graph.record(
            averaging.network.preprocessing.normalise(pixels), [step.x for step in steps if step.x != INPUT]
        )
    paths = averaging.extract(pixels)
    read = [step for step in steps if step.x != INPUT]
    assert [average.layer for average in averaging.plan.averages] == [step.layer.name for step in read]
    for step, found in zip(read, paths.averages, strict=True):
        for image in range(3):
            activation = values[step.x][image].numpy()
            expected = quarters(activation) if activation.ndim == 3 else activation
            np.testing.assert_allclose(found[image], expected, atol=1e-5)


def test_averages_change_nothing_else_and_are_the_same_in_any_batch(extractor: Extractor, averaging: Extractor) -> None:
    pixels = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    plain, paths = extractor.extract(pixels), averaging.extract(pixels)
    assert averaging.fingerprint == extractor.fingerprint
    assert plain.averages == ()
    np.testing.assert_array_equal(plain.logits, paths.logits)
    alone = [averaging.extract(one[None]).averages for one in pixels]
    for layer, together in enumerate(paths.averages):
        np.testing.assert_allclose(np.concatenate([one[layer] for one in alone]), together, atol=1e-5)


class Branched(nn.Module):
    """Two layers read one activation, one reads too many channels, and one reads tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 200, 1)
        self.left, self.right = nn.Conv2d(200, MOST + 1, 1), nn.Conv2d(200, MOST + 1, 1)
        self.wide = nn.Conv2d(MOST + 1, 8, 1)
        self.token, self.last = nn.Linear(8, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).relu()
        x = self.wide(self.left(x).relu() + self.right(x).relu()).relu()
        return self.last(self.token(x.flatten(2).transpose(1, 2)).relu().mean(1))  # type: ignore[no-any-return]


def test_each_activation_is_averaged_once_and_never_to_more_numbers_than_allowed() -> None:
    network = Network.capture(Branched().eval(), Preprocessing(3, (4, 6), 4, (0.0,) * 3, (1.0,) * 3))
    found = Extractor(network, averages=True)
    sizes = {average.layer: average.size for average in found.plan.averages}
    assert sizes == {"left": 200, "token": 8, "last": 6}  # 4 x 200 and 513 numbers would be too many
    paths = found.extract(torch.rand(2, 3, 4, 6))
    assert [average.shape for average in paths.averages] == [(2, 200), (2, 8), (2, 6)]


def test_probes_are_ridge_regressions_of_the_classes() -> None:
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(0)
    values, labels = random.normal(size=(300, 7)).astype(np.float32) * range(7) + 2, random.integers(0, 4, 300)
    sums = Sums.empty(7, 4)
    for part in np.split(random.permutation(300), [10, 150]):
        sums.add(values[part], labels[part])
    weights = sums.regression()
    deviation = values.std(0, dtype=np.float64)
    scaled = np.divide(values, deviation, out=np.zeros((300, 7)), where=deviation > 1e-6)
    model = Ridge(alpha=1e-2 * 300).fit(scaled, np.eye(4)[labels])
    np.testing.assert_allclose(values @ weights[:-1] + weights[-1], model.predict(scaled), atol=1e-4)


def read(readings: list[list[float]], answer: int, runner_up: int) -> dict[str, float]:
    """Return the features of one image of three classes, by name, given what each layer reads."""
    logits = np.zeros((1, 3), np.float32)
    logits[0, [answer, runner_up]] = 2, 1
    averages = tuple(np.array([row], np.float32) for row in readings)
    exact = np.vstack([np.eye(3), np.zeros((1, 3))]).astype(np.float32)
    probes = Probes(tuple(f"l{number}" for number in range(len(readings))), (exact,) * len(readings))
    table = probe(ImagePaths(logits, np.array([answer]), (), averages), probes)
    return {feature.name: float(value) for feature, value in zip(table.features, table.values[0], strict=True)}


def test_features_of_readings_by_hand() -> None:
    found = read([[0.5, 0.3, 0.2], [0.1, 0.4, 0.5], [0.2, 0.7, 0.1], [0.1, 9.0, 0.1]], answer=1, runner_up=2)
    expected = {
        **{"probe_margin/l0": -0.2, "probe_margin/l1": -0.1, "probe_margin/l2": 0.5, "probe_margin/l3": 2.0},
        **{"probe_lead/l0": 0.1, "probe_lead/l1": -0.1, "probe_lead/l2": 0.6, "probe_lead/l3": 2.0},
        **{"probe_reading/l0": 0.3, "probe_reading/l1": 0.4, "probe_reading/l2": 0.7, "probe_reading/l3": 2.0},
        **{"probe_settled/the answer": 0.5, "probe_turns/the answer": 2, "probe_jump/the answer": 1.5},
    }
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("readings", "settled", "turns"),
    [
        ([[0.9, 0, 0]] * 4, 0.0, 0),
        ([[0, 0.9, 0]] * 4, 1.0, 0),
        ([[0.9, 0, 0], [0, 0.9, 0], [0.9, 0, 0], [0.9, 0, 0]], 0.5, 2),
        ([[0.9, 0, 0], [0.9, 0, 0], [0.9, 0, 0], [0, 0, 0.9]], 1.0, 1),
    ],
)
def test_an_answer_is_settled_where_it_leads_for_good(readings: list[list[float]], settled: float, turns: int) -> None:
    found = read(readings, answer=0, runner_up=1)
    assert found["probe_settled/the answer"] == pytest.approx(settled)
    assert found["probe_turns/the answer"] == turns


def test_late_layers_read_the_digits(maker: FeatureMaker, digits: Dataset, digits_split: Split) -> None:
    assert maker.probes is not None
    test = digits_split.test.positions[:200]
    paths, table = maker.make(digits.pixels(test, maker.network.preprocessing))
    readings = maker.probes.readings(paths.averages)
    right = (readings.argmax(2) == digits.labels[test][:, None]).mean(0)
    assert right[-1] > 0.9
    trends = {feature.measure: feature.trend for feature in table.features if feature.measure.startswith("probe")}
    assert trends == {
        **{"probe_margin": -1, "probe_lead": -1, "probe_reading": 0},
        **{"probe_settled": 1, "probe_turns": 1, "probe_jump": 1},
    }


def test_without_enough_images_or_with_many_classes_there_are_no_probes(
    extractor: Extractor, signatures: ClassSignatures, digits_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker, profiled = FeatureMaker(extractor, signatures), digits_split.profiled
    assert with_probes(maker, Images(profiled.dataset, profiled.positions[:99])).probes is None
    wrong = replace(profiled.dataset, labels=(profiled.dataset.labels + 1) % 10)
    assert with_probes(maker, Images(wrong, profiled.positions)).probes is None
    monkeypatch.setattr(probe_fitting, "MOST_CLASSES", 9)
    assert with_probes(maker, profiled).probes is None


def test_a_bundle_keeps_its_probes(
    maker: FeatureMaker, digits_split: Split, digits: Dataset, tmp_path: Path, bundle: Bundle
) -> None:
    options = FitOptions("one-class", "fast", sizes=Sizes(40, 40))
    made = bundle_of(fit_detector(maker, digits_split, [], options), digits_split)
    made.save(tmp_path / "bundle")
    loaded = load_bundle(tmp_path / "bundle")
    assert maker.probes is not None
    assert loaded.detector.maker.probes is not None
    assert loaded.detector.maker.probes.layers == maker.probes.layers
    pixels = digits.pixels(digits_split.test.positions[:8], maker.network.preprocessing)
    scores = [[verdict.score for verdict in one.detector.examine(pixels)] for one in (made, loaded)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)
    assert bundle.detector.maker.probes is None
