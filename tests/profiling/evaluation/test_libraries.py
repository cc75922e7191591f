"""Detectors of other libraries say what their papers' formulas say of what the network really does."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.arrays import Floats
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.roles import Split
from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.baselines import libraries as outside
from pathprint.profiling.evaluation.baselines.mahalanobis import Gaussians
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, observe
from pathprint.profiling.evaluation.metrics import auc

Detectors = dict[str, tuple[str, Callable[[Lessons], Baseline]]]


@pytest.fixture(scope="module")
def ood() -> Detectors:
    pytest.importorskip("pytorch_ood", reason="the extra bench is not installed")
    from pathprint.profiling.evaluation.baselines.from_pytorch_ood import DETECTORS

    return dict(DETECTORS)


@pytest.fixture(scope="module")
def art() -> Detectors:
    pytest.importorskip("art.defences.detector.evasion", reason="the extra bench is not installed")
    from pathprint.profiling.evaluation.baselines.from_art import DETECTORS

    return dict(DETECTORS)


class Tiny(nn.Module):
    """Two convolutions and a linear layer; activations are in place, as torchvision's are."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.relu(self.second(self.relu(self.first(x)))))

    def head(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(x.mean((2, 3)))
        return logits


@pytest.fixture(scope="module")
def module() -> Tiny:
    torch.manual_seed(0)
    return Tiny().eval()


def attack(pixels: Tensor) -> Tensor:
    return torch.cat([torch.ones_like(pixels[:, :, :5]), pixels[:, :, 5:]], 2)


@pytest.fixture(scope="module")
def lessons(module: Tiny) -> Lessons:
    """Profile images of classes 0 and 2; attacked images have a bright half."""
    network = Network.capture(module, Preprocessing(1, (10, 10), 10, (0.1,), (0.5,)))
    profiled, clean = torch.rand(120, 1, 10, 10), torch.rand(240, 1, 10, 10)
    attacked = attack(torch.rand(160, 1, 10, 10))
    labels = np.repeat([0, 2], 60)
    seen = [observe(network, pixels) for pixels in (profiled, clean, attacked)]
    return Lessons(network, seen[0], labels, seen[1], seen[2])


def test_mahalanobis_is_the_sum_of_the_layers_distances(ood: Detectors, lessons: Lessons) -> None:
    layers = zip(lessons.profiled.layers, lessons.clean.layers, strict=True)
    expected = sum(Gaussians.of(known, lessons.labels).distance(new) for known, new in layers)
    found = ood["ood-mahalanobis"][1](lessons)(lessons.clean)
    np.testing.assert_allclose(found, expected / (2 * 120), rtol=0.02)  # the library divides by no number of images


def test_neighbours_are_the_fiftieth(ood: Detectors, lessons: Lessons) -> None:
    known, new = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in _penultimates(lessons))
    distances = np.sqrt(np.maximum(2 - 2 * new @ known.T, 0))
    found = ood["ood-knn"][1](lessons)(lessons.clean)
    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, 49], atol=1e-4)


def test_virtual_logit_is_the_residual_beside_the_energy(ood: Detectors, lessons: Lessons, module: Tiny) -> None:
    """On made-up activations, whose principal subspace is far from their residual: float32 can tell them apart."""
    weight, bias = (value.detach().double().numpy() for value in (module.last.weight, module.last.bias))
    origin = -np.linalg.pinv(weight) @ bias
    generator = np.random.default_rng(0)
    axes = np.linalg.qr(generator.normal(size=(4, 4)))[0] * [1, 2, 8, 9]  # width 4: the subspace has 2 dimensions
    known, new = (generator.normal(size=(n, 4)) @ axes.T for n in (120, 240))
    spread, found = np.linalg.eigh(known.T @ known)
    lengths = [np.linalg.norm(values @ found[:, :2], axis=1) for values in (known, new)]
    logits = [(values + origin) @ weight.T + bias for values in (known, new)]
    scale = logits[0].max(1).mean() / lengths[0].mean()
    expected = scale * lengths[1] - np.log(np.exp(logits[1]).sum(1))
    made = [
        replace(seen, penultimate=values + origin) for seen, values in ((lessons.profiled, known), (lessons.clean, new))
    ]
    scores = ood["ood-vim"][1](replace(lessons, profiled=made[0]))(made[1])
    # The library works in float32. A sum of n products errs by n roundings at most, which turns the subspace by
    # that error over the gap between its spreads and the others (Davis & Kahan 1970), and all lengths with it.
    turned = len(known) * np.finfo(np.float32).eps * spread[-1] / (spread[2] - spread[1])
    allowed = 2 * turned * max(1, abs(scale)) * np.linalg.norm(new, axis=1).max()
    assert allowed < 0.01 * np.ptp(expected)
    np.testing.assert_allclose(scores, expected, atol=allowed)


def test_generalised_entropy_is_the_formula(ood: Detectors, lessons: Lessons) -> None:
    share = np.exp(lessons.clean.logits) / np.exp(lessons.clean.logits).sum(1, keepdims=True)
    expected = ((share * (1 - share)) ** 0.1).mean(1)
    np.testing.assert_allclose(ood["ood-gen"][1](lessons)(lessons.clean), expected, rtol=1e-6)


def test_coverage_looks_at_the_layers_of_the_network(ood: Detectors, lessons: Lessons, module: Tiny) -> None:
    """Images within 50 equal ones are covered by every neuron, unlike any other image."""
    same = lessons.profiled.pixels[:1].repeat(50, 1, 1, 1)
    known = observe(lessons.network, same)
    detector = ood["ood-nac"][1](Lessons(lessons.network, known, np.zeros(50, dtype=int), known, known))
    np.testing.assert_allclose(detector(known), -2)  # two observed layers, each fully covered
    expected = _coverage(module, same[:1], lessons.clean.pixels)
    np.testing.assert_allclose(detector(lessons.clean), -expected, atol=1e-6)


def _coverage(module: Tiny, known: Tensor, new: Tensor) -> Floats:
    """Return the share of neurons in the one bin that ``known`` fills, summed over both convolutions."""
    total = torch.zeros(len(new))
    for layer in ("first", "second"):
        bins = [_bins(_states(module, layer, pixels)) for pixels in (known, new)]
        total += (bins[0] == bins[1]).float().mean(1)
    return total.double().numpy()


def _states(module: Tiny, layer: str, pixels: Tensor) -> Tensor:
    first = module.first((pixels - 0.1) / 0.5)
    value = first if layer == "first" else module.second(torch.relu(first))
    value = value.detach().requires_grad_()
    after = module.second(torch.relu(value)) if layer == "first" else value
    divergence = -module.head(torch.relu(after)).log_softmax(1).mean(1)
    (gradient,) = torch.autograd.grad(divergence.sum(), value)
    return torch.sigmoid(100 * (value * gradient).mean((2, 3))).detach()


def _bins(states: Tensor) -> Tensor:
    """Return bins of 25 geometric steps below a half and as many, mirrored, above it."""
    left = torch.logspace(-6, np.log10(0.5), 26)
    edges = torch.cat([left, (1 - left.flip(0))[1:]])
    return (torch.bucketize(states.clamp(1e-6, 1 - 1e-6), edges) - 1).clamp(0, 49)


def _penultimates(lessons: Lessons) -> tuple[Floats, Floats]:
    return lessons.profiled.penultimate, lessons.clean.penultimate


def test_networks_learn_to_tell_attacks_the_same_way_each_time(art: Detectors, lessons: Lessons) -> None:
    fresh = torch.rand(80, 1, 10, 10)
    attacked = attack(fresh)
    state = torch.get_rng_state()
    for name in ("art-input", "art-activation"):
        detectors = [art[name][1](lessons) for _ in range(2)]
        clean, suspicious = (detectors[0](observe(lessons.network, pixels)) for pixels in (fresh, attacked))
        assert auc(clean, suspicious) > 0.9, name
        np.testing.assert_array_equal(detectors[1](observe(lessons.network, fresh)), clean)
    assert torch.equal(torch.get_rng_state(), state)


def test_activations_are_those_before_an_in_place_activation(art: Detectors, lessons: Lessons, module: Tiny) -> None:
    from pathprint.profiling.evaluation.baselines.from_art import _Middle

    pixels = lessons.clean.pixels[:5]
    found = _Middle.of(lessons.network).get_activations(pixels.numpy())
    with torch.no_grad():
        expected = module.second(torch.relu(module.first((pixels - 0.1) / 0.5)))
    assert expected.min() < 0
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_subset_is_most_unusual_where_all_units_are(art: Detectors, lessons: Lessons) -> None:
    detector = art["art-subset"][1](lessons)
    bright, dark = (observe(lessons.network, torch.full((3, 1, 10, 10), level)) for level in (1.0, 0.0))
    usual = detector(lessons.clean)
    assert (usual > 0).all()
    assert max(detector(bright).min(), detector(dark).min()) > np.median(usual)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(outside.ADAPTERS, "some-library", "from_some_library")
    assert not [name for name in outside.outside() if name.startswith("some")]
    assert "not measured: the detectors of some-library" in caplog.text


def test_detector_that_does_not_suit_the_network_is_named(lessons: Lessons, caplog: pytest.LogCaptureFixture) -> None:
    def unsuitable(lessons: Lessons) -> Baseline:
        raise FitError("it needs what is not there.")

    found = {"a": ("summary of a", unsuitable), "b": ("summary of b", lambda _: lambda seen: seen.logits[:, 0])}
    assert list(outside.fitted(found, lessons)) == ["b"]
    assert "not measured: detector a; it needs what is not there." in caplog.text


def test_virtual_logit_needs_a_linear_output(ood: Detectors, digits_network: Network, digits_split: Split) -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.last = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.last(torch.relu(self.body(x)))).mean((2, 3))

    network = Network.capture(Pooled().eval(), Preprocessing(1, (8, 8), 8, (0.0,), (1.0,)))
    seen = observe(network, correct_images(digits_network, digits_split.fit, 20).pixels)
    with pytest.raises(FitError, match="not the output of a linear layer"):
        ood["ood-vim"][1](Lessons(network, seen, np.zeros(20, dtype=int), seen, seen))
