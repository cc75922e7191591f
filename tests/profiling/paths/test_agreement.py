"""Every kernel on every kind of step against the slow float64 oracle (docs/method.md, agreement)."""

from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing, decode
from pathprint.models.zoo import catalogue
from pathprint.models.zoo.loading import load_weights
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import available
from pathprint.profiling.paths.policy import Policy, Reference, Unexplained
from tests.definitions.effective_path import check, extract, trace
from tests.definitions.network import Trace, exported
from tests.profiling.paths.claims import claims, runs, shaped
from tests.profiling.paths.networks import CASES, built
from tests.profiling.paths.test_extraction import assert_same

KERNELS = available()
THETAS = (0.3, 0.5, 1.0)
UNEXPLAINED: tuple[Unexplained, ...] = ("none", "argmax")


@cache
def run_of(name: str, n: int, seed: int) -> tuple[Tensor, list[Trace]]:
    """Return images, and the oracle's run of each, which serves every kernel and every option."""
    module, network = built(name)
    pixels = torch.rand(n, *network.preprocessing.input_shape, generator=torch.Generator().manual_seed(seed))
    return pixels, runs(module, network, pixels)


def test_the_compiled_kernel_is_here() -> None:
    assert list(KERNELS) == ["cpu", "reference"]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", CASES)
def test_path_is_the_oracles(name: str, kernel: str) -> None:
    pixels, traced = run_of(name, 3, seed=1)
    paths = Extractor(built(name)[1], kernel=KERNELS[kernel]).extract(pixels)
    for image, run in enumerate(traced):
        verdict = check(run, shaped(claims(paths, image), run))
        assert verdict.disagreements == 0
        assert verdict.wanted > 0


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_recorded_would_change_nothing(name: str) -> None:
    pixels, _ = run_of(name, 3, seed=1)
    frugal, lavish = Extractor(built(name)[1]), Extractor(built(name)[1])
    told_nothing = tuple(step.told(False, ()) for step in frugal.plan.steps)
    vars(lavish)["plan"] = replace(frugal.plan, steps=told_nothing)
    assert set(frugal.plan.recorded) <= set(lavish.plan.recorded)
    assert_same(frugal.extract(pixels), lavish.extract(pixels))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("reference", ["sum", "output", "positive"])
@pytest.mark.parametrize("theta", [0.1, 0.5, 0.9, 1.0])
def test_options_are_the_oracles(theta: float, reference: Reference, kernel: str) -> None:
    pixels, (run,) = run_of("residual", 1, seed=2)
    paths = Extractor(built("residual")[1], Policy(theta, reference), KERNELS[kernel]).extract(pixels)
    verdict = check(run, claims(paths), theta, reference)
    assert verdict.disagreements == 0


def integer_valued(module: nn.Module) -> nn.Module:
    """Round every parameter to a small integer, so that all sums are exact."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(-3, 4, parameter.shape))
    return module.eval()


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Module, int]:
    """Generate a network around one convolution of any geometry; return it and its input side."""
    # Rows of 16 channels and more are weighed otherwise than shorter ones, and need not end with a vector.
    per_group = draw(st.sampled_from([1, 2, 15, 16, 17, 40]))
    groups, per_output = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    kernel, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding, side = draw(st.integers(0, 2)), draw(st.integers(3, 7))
    reach = side + 2 * padding - dilation * (kernel - 1) - 1
    assume(reach >= 0)
    outputs = groups * per_output
    torch.manual_seed(draw(st.integers(0, 1000)))
    convolution = nn.Conv2d(
        groups * per_group, outputs, kernel, stride, padding, dilation, groups, bias=draw(st.booleans())
    )
    features = outputs * (reach // stride + 1) ** 2
    return integer_valued(nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(features, 3))), side


@given(convolutions(), st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_small_integers_give_equality_without_exception(generated: tuple[nn.Module, int], seed: int) -> None:
    module, side = generated
    channels = module[0].in_channels  # type: ignore[index]  # a Sequential of our own making
    preprocessing = Preprocessing(int(channels), (side, side), side, (0.5,) * channels, (0.25,) * channels)
    network = Network.capture(module, preprocessing)
    x = torch.randint(-2, 3, (4, channels, side, side), generator=torch.Generator().manual_seed(seed)).float()
    once = exported(module, x[0])
    traced = [trace(once, image) for image in x]
    for theta, unexplained in product(THETAS, UNEXPLAINED):
        oracles = [extract(run, theta, unexplained=unexplained) for run in traced]
        for kernel in KERNELS.values():
            paths = Extractor(network, Policy(theta, unexplained=unexplained), kernel).extract(x / 4 + 0.5)  # exact
            for image, oracle in enumerate(oracles):
                found = claims(paths, image)
                for layer in oracle.layers:
                    neurons, weights, count = found[layer.name]
                    assert (neurons == layer.neurons).all()
                    assert (weights == layer.weights).all()
                    assert count == layer.unexplained


def test_counts_and_coherence_are_the_oracles() -> None:
    network = built("residual")[1]
    pixels, (run,) = run_of("residual", 1, seed=3)
    oracle = extract(run)
    for kernel in KERNELS.values():
        for layer, expected in zip(
            Extractor(network, kernel=kernel).extract(pixels).layers, oracle.layers, strict=True
        ):
            assert layer.synapses[0] == expected.effort
            mean = expected.coherence / max(expected.neurons.sum(), 1)
            assert layer.coherence[0] == pytest.approx(mean, abs=1e-6)


@pytest.mark.slow
def test_mobilenet_on_real_images_is_the_oracles(real_data: Path) -> None:
    weights = real_data / "mobilenet_v2-imagenet.safetensors"
    module = torchvision.models.mobilenet_v2()
    load_weights(module, weights)
    network = catalogue.build("torchvision:mobilenet_v2", weights)
    with ZipFile(real_data / "imagenette160.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("val/"))
        images = [network.preprocessing.pixels(decode(archive.read(name))) for name in names[50::200]]
    rates = []
    for pixels in images:
        (run,) = runs(module.eval(), network, pixels[None])
        verdict = check(run, claims(Extractor(network).extract(pixels[None])))
        assert verdict.disagreements == 0
        rates.append(verdict.borderline_rate)
    assert sum(rates) / len(rates) < 1e-3
