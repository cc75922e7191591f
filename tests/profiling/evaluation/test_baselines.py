"""Each baseline against the formula of its paper, written out directly."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis as scipy_mahalanobis
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.arrays import Floats
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.roles import Split
from pathprint.profiling.evaluation.baselines.confidence import energy, entropy, margin, max_softmax
from pathprint.profiling.evaluation.baselines.feature_squeezing import fewer_levels, median, squeezing
from pathprint.profiling.evaluation.baselines.libraries import outside
from pathprint.profiling.evaluation.baselines.lid import dimensionality
from pathprint.profiling.evaluation.baselines.mahalanobis import Gaussians
from pathprint.profiling.evaluation.baselines.neighbours import nearest_neighbours
from pathprint.profiling.evaluation.baselines.observation import Lessons, Observation, observe
from pathprint.profiling.evaluation.baselines.registry import FITTED, UNFITTED, baseline_panel
from pathprint.profiling.evaluation.metrics import auc


def seen(logits: Floats, squeezed: Floats | None = None, penultimate: Floats | None = None) -> Observation:
    n = len(logits)
    return Observation(
        torch.zeros(n, 1, 8, 8),
        logits,
        (np.zeros((n, 2)),),
        np.zeros((n, 2)) if penultimate is None else penultimate,
        logits[None] if squeezed is None else squeezed,
    )


@pytest.fixture(scope="module")
def logits() -> Floats:
    return np.random.default_rng(0).normal(scale=3, size=(20, 5))


def test_confidence_scores_are_their_formulas(logits: Floats) -> None:
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    ordered = np.sort(logits, axis=1)
    np.testing.assert_allclose(np.exp(max_softmax(seen(logits))), 1 - share.max(1))
    np.testing.assert_allclose(margin(seen(logits)), ordered[:, -2] - ordered[:, -1])
    np.testing.assert_allclose(entropy(seen(logits)), -(share * np.log(share)).sum(1))
    np.testing.assert_allclose(energy(seen(logits)), -np.log(np.exp(logits).sum(1)))


def test_certain_answers_are_still_told_apart() -> None:
    scores = max_softmax(seen(np.array([[60.0, 0], [80, 0], [100, 0]])))
    assert (np.diff(scores) < 0).all()


def test_mahalanobis_is_the_formula() -> None:
    generator = np.random.default_rng(0)
    values, labels = generator.normal(size=(60, 4)), np.repeat([0, 3, 7], 20)
    values[labels == 7] += 5
    means = {c: values[labels == c].mean(0) for c in (0, 3, 7)}
    centred = np.stack([value - means[c] for value, c in zip(values, labels, strict=True)])
    inverse = np.linalg.inv(centred.T @ centred / 60)
    new = generator.normal(size=(5, 4))
    expected = [min(scipy_mahalanobis(v, mean, inverse) ** 2 for mean in means.values()) for v in new]
    np.testing.assert_allclose(Gaussians.of(values, labels).distance(new), expected)


def test_constant_channels_do_not_break_mahalanobis() -> None:
    values = np.random.default_rng(0).normal(size=(30, 3))
    values[:, 1] = 0
    assert np.isfinite(Gaussians.of(values, np.zeros(30, dtype=int)).distance(values)).all()


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_dimensionality_of_a_uniform_cube_is_its_dimension(dimension: int) -> None:
    generator = np.random.default_rng(0)
    inside, reference = generator.uniform(0.4, 0.6, (200, dimension)), generator.uniform(size=(20_000, dimension))
    assert dimensionality(inside, reference, 50).mean() == pytest.approx(dimension, rel=0.1)


def test_dimensionality_is_the_formula() -> None:
    reference, point = np.array([[1.0], [2], [4], [9]]), np.zeros((1, 1))
    expected = -1 / np.mean(np.log(np.array([1, 2, 4]) / 4))
    np.testing.assert_allclose(dimensionality(point, reference, 3), [expected])


def test_neighbours_measure_angles(digits_network: Network) -> None:
    generator = np.random.default_rng(0)
    profiled = seen(np.zeros((80, 2)), penultimate=generator.normal(size=(80, 6)))
    nothing = seen(np.zeros((1, 2)))
    detector = nearest_neighbours(Lessons(digits_network, profiled, np.zeros(80, dtype=int), nothing, nothing))
    new = generator.normal(size=(4, 6))
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (new, profiled.penultimate)]
    expected = np.sort(np.sqrt(2 - 2 * unit[0] @ unit[1].T), axis=1)[:, 39]  # half of the only class
    np.testing.assert_allclose(detector(seen(np.zeros((4, 2)), penultimate=7 * new)), expected)


def test_squeezing_is_the_largest_change_of_the_softmax() -> None:
    before = np.log([[0.7, 0.3], [0.5, 0.5]])
    after = np.log([[[0.7, 0.3], [0.4, 0.6]], [[0.1, 0.9], [0.5, 0.5]]])
    np.testing.assert_allclose(squeezing(seen(before, after)), [1.2, 0.2])


def test_squeezers_are_what_the_paper_says() -> None:
    levels = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16)
    assert len(set(fewer_levels(levels, 3).flatten().tolist())) == 8
    assert set(fewer_levels(levels, 1).flatten().tolist()) == {0.0, 1.0}
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert median(image, 3)[0, 0, 1, 1] == 5
    spike = torch.zeros(1, 3, 5, 5)
    spike[:, :, 2, 2] = 1
    assert median(spike, 2).shape == spike.shape
    assert not median(spike, 2).any()


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.last = nn.Conv2d(1, 3, 3), nn.Linear(3 * 36, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(torch.relu(self.hidden(torch.relu(self.conv(x)).flatten(1))))
        return logits


def test_observation_is_what_the_layers_give() -> None:
    torch.manual_seed(0)
    module = Tiny().eval()
    network = Network.capture(module, Preprocessing(1, (8, 8), 8, (0.1,), (0.5,)))
    pixels = torch.rand(5, 1, 8, 8)
    found = observe(network, pixels)
    with torch.no_grad():
        conv = module.conv((pixels - 0.1) / 0.5)
        hidden = module.hidden(torch.relu(conv).flatten(1))
    np.testing.assert_allclose(found.layers[0], conv.mean((2, 3)).double(), atol=1e-5)
    np.testing.assert_allclose(found.layers[1], hidden.double(), atol=1e-5)
    np.testing.assert_allclose(found.penultimate, torch.relu(hidden).double(), atol=1e-5)
    np.testing.assert_allclose(found.logits, network.logits(pixels).detach().double(), atol=1e-5)
    assert found.squeezed.shape == (2, 5, 2)


def test_transformers_are_observed_too() -> None:
    network = _attentive()
    found = observe(network, torch.rand(3, 1, 8, 8))
    assert all(len(layer) == 3 for layer in found.layers)


def _attentive() -> Network:
    class Attentive(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(1, 8, 4, 4)
            self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
            self.last = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.patches(x).flatten(2).transpose(1, 2)
            logits: Tensor = self.last(self.block(tokens).mean(1))
            return logits

    return Network.capture(Attentive().eval(), Preprocessing(1, (8, 8), 8, (0.0,), (1.0,)))


def test_every_baseline_finds_something_wrong_with_noise(digits_network: Network, digits_split: Split) -> None:
    profiled = correct_images(digits_network, digits_split.profiled, 200)
    clean = correct_images(digits_network, digits_split.fit, 60)
    noise = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    parts = [observe(digits_network, pixels) for pixels in (profiled.pixels, clean.pixels, noise)]
    lessons = Lessons(digits_network, parts[0], profiled.labels.numpy(), parts[1], parts[2])
    panel = baseline_panel(digits_network, correct_images(digits_network, digits_split.calibrate, 60), lessons)
    assert set(panel.summaries) == set(panel.clean_scores) == set(UNFITTED) | set(FITTED) | set(outside())
    others = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    scores = panel.score(panel.measure(others))
    for name in (*UNFITTED, *FITTED):
        assert auc(panel.clean_scores[name], scores[name]) > 0.75, name
