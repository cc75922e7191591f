"""The GPU kernel against the oracle: interpreted on a few small cases, and on every case on a GPU.

Without a CUDA device the Triton functions are interpreted (``conftest.py`` sees to that), which is
slow and says nothing about compilation. ``pytest -m gpu`` runs the rest where there is a device.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.features.similarity import compare
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import ReferenceKernel
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.policy import Policy, Reference, Unexplained
from pathprint.profiling.signatures.counts import count
from pathprint.profiling.signatures.lookup import Lookup
from tests.definitions.effective_path import Trace, check, extract, trace
from tests.profiling.paths.claims import claims, runs, shaped
from tests.profiling.paths.networks import CASES, PLAIN, built, seeded
from tests.profiling.paths.test_agreement import convolutions
from tests.profiling.paths.test_extraction import assert_same

gpu = pytest.importorskip(
    "pathprint.profiling.paths.kernels.gpu.kernel", exc_type=ImportError, reason="Triton is not installed"
)
tiles = import_module("pathprint.profiling.paths.kernels.gpu.tiles")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NEEDS_GPU = pytest.mark.skipif(DEVICE == "cpu", reason="there is no CUDA device")


@pytest.fixture(autouse=True, scope="module")
def few_programs() -> Iterator[None]:
    """Have a program take many units where it is interpreted: each costs milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            patch.setattr(tiles, "BLOCK", 1 << 12)
            patch.setattr(tiles, "THREADS", 1 << 10)
        yield


def paths_of(network: Network, pixels: Tensor, policy: Policy | None = None) -> ImagePaths:
    return Extractor(network.to(DEVICE), policy or Policy(), gpu.GpuKernel()).extract(pixels)


def images(network: Network, n: int) -> Tensor:
    return torch.rand(n, *network.preprocessing.input_shape, generator=torch.Generator().manual_seed(1))


@cache
def residual_run() -> Trace:
    """Return the oracle's run of one image, which serves every option."""
    module, network = built("residual")
    (run,) = runs(module, network.to(DEVICE), images(network, 1))
    return run


def assert_is_the_oracles(name: str, n: int) -> None:
    module, network = built(name)
    pixels = images(network, n)
    paths = paths_of(network, pixels)
    for image, run in enumerate(runs(module, network.to(DEVICE), pixels)):
        verdict = check(run, shaped(claims(paths, image), run))
        assert verdict.disagreements == 0
        assert verdict.wanted > 0


@pytest.mark.parametrize(
    "name",
    [
        "residual",
        "one dimension",
        "max pool, overlapping, padded",
        pytest.param("three dimensions", marks=pytest.mark.slow),
        pytest.param("windows", marks=pytest.mark.slow),
    ],
)
def test_path_is_the_oracles(name: str) -> None:
    assert_is_the_oracles(name, 2)


@pytest.mark.gpu
@NEEDS_GPU
@pytest.mark.parametrize("name", CASES)
def test_every_path_is_the_oracles(name: str) -> None:
    assert_is_the_oracles(name, 3)


def _options() -> Iterator[object]:
    """Yield all combinations. Interpreted, each takes a quarter of a minute: one is in the short run, five are slow."""
    slow = {("sum", 0.1, "none"), ("sum", 1.0, "argmax"), ("output", 0.5, "none"), ("output", 1.0, "argmax")}
    slow |= {("positive", 0.1, "none")}
    for option in product(["sum", "output", "positive"], [0.5, 0.1, 1.0], ["argmax", "none"]):
        reference, theta, unexplained = option
        marks = [pytest.mark.slow] if option in slow else [NEEDS_GPU]
        yield pytest.param(theta, reference, unexplained, marks=[] if option == ("sum", 0.5, "argmax") else marks)


@pytest.mark.parametrize(("theta", "reference", "unexplained"), list(_options()))
def test_options_are_the_oracles(theta: float, reference: Reference, unexplained: Unexplained) -> None:
    network = built("residual")[1]
    paths = paths_of(network, images(network, 1), Policy(theta, reference, unexplained))
    verdict = check(residual_run(), claims(paths), theta, reference, unexplained)
    assert verdict.disagreements == 0


@pytest.mark.slow
@given(convolutions(), st.sampled_from(["none", "argmax"]), st.integers(0, 99))
@settings(max_examples=25 if DEVICE == "cuda" else 3, deadline=None)
def test_small_integers_give_equality_without_exception(
    generated: tuple[nn.Module, int], unexplained: Unexplained, seed: int
) -> None:
    module, side = generated
    channels = int(module[0].in_channels)  # type: ignore[index]  # a Sequential of our own making
    network = Network.capture(
        module, Preprocessing(channels, (side, side), side, (0.5,) * channels, (0.25,) * channels)
    )
    x = torch.randint(-2, 3, (1, channels, side, side), generator=torch.Generator().manual_seed(seed)).float()
    run = trace(module, x[0])
    for theta in (0.3, 0.5, 1.0):
        oracle = extract(run, theta, unexplained=unexplained)
        found = paths_of(network, x / 4 + 0.5, Policy(theta, unexplained=unexplained))  # exact
        for mine, expected in zip(found.layers, oracle.layers, strict=True):
            assert (mine.neurons.mask()[0] == expected.neurons.reshape(-1)).all()
            assert (mine.weights.mask()[0] == expected.weights.reshape(-1)).all()
            assert mine.synapses[0] == expected.effort
            assert mine.unexplained[0] == expected.unexplained
            mean = expected.coherence / max(expected.neurons.sum(), 1)
            assert mine.coherence[0] == pytest.approx(mean, abs=1e-12)


SPREAD = {"SHORT": 0, "BLOCK": 256}
"""Every receptive field is spread over several threads."""


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(SPREAD, marks=pytest.mark.slow),
        pytest.param({**SPREAD, "PER_THREAD": 1}, marks=NEEDS_GPU),
        pytest.param({**SPREAD, "PER_THREAD": 4, "WARP": 2}, marks=pytest.mark.slow),
        pytest.param({**SPREAD, "LONGEST": 20}, marks=pytest.mark.slow),
        pytest.param({**SPREAD, "STEPS": 1}, marks=NEEDS_GPU),
        pytest.param({"BLOCK": 64, "THREADS": 16}, marks=NEEDS_GPU),
    ],
)
def test_how_the_work_is_cut_does_not_matter(setting: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    network = built("residual")[1]
    pixels = images(network, 1)
    policy = Policy(0.9, "positive")
    expected = paths_of(network, pixels, policy)
    for name, value in setting.items():
        monkeypatch.setattr(tiles, name, value)
    assert_same(paths_of(network, pixels, policy), expected)


@pytest.mark.parametrize(
    "setting", [{}, *(pytest.param(one, marks=pytest.mark.slow) for one in ({"SHORT": 512}, {"PER_THREAD": 4}))]
)
def test_of_equal_contributions_the_first_channel_leads(
    setting: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in setting.items():
        monkeypatch.setattr(tiles, name, value)
    module = seeded(lambda: nn.Sequential(nn.Conv2d(2, 1, 12), nn.Flatten(), nn.Linear(1, 2)))
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    layer = paths_of(Network.capture(module, PLAIN), torch.ones(1, 2, 12, 12)).layers[0]
    assert set(layer.weights.one(0)) == set(range(144))


def test_theta_is_not_rounded() -> None:
    module = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(288, 2)))
    with torch.no_grad():
        module[1].weight.copy_(torch.arange(288) < 10)  # type: ignore[index]  # a Sequential
    layer = paths_of(Network.capture(module, PLAIN), torch.ones(1, 2, 12, 12), Policy(0.3)).layers[0]
    assert layer.synapses[0] == 3  # 0.3 as float32 is more, and would need a fourth


@pytest.mark.parametrize("policy", [Policy(synapses=True), Policy(phi={"stem.0": 0.03, "fc": 0.03})])
def test_what_the_kernel_leaves_out_is_the_references(policy: Policy) -> None:
    network = built("residual")[1]
    pixels = images(network, 2)
    assert_same(paths_of(network, pixels, policy), Extractor(network, policy, ReferenceKernel()).extract(pixels))


@pytest.mark.slow
def test_features_of_marks_are_those_of_lists() -> None:
    network = built("residual")[1]
    marked = paths_of(network, images(network, 3))
    # On one device: activations of two devices differ in the last bits of float32, and coherence with them.
    listed = Extractor(network.to(DEVICE), Policy(), ReferenceKernel()).extract(images(network, 3))
    signatures = count(marked, np.array([4, 9, 9]), "here")
    expected = count(listed, np.array([4, 9, 9]), "here")
    assert all((signatures.counts[name] == expected.counts[name]).all() for name in expected.counts)
    found, values = (compare(paths, Lookup.of(expected)).values for paths in (marked, listed))
    # Sums of float64 in another order: at most 500 terms below 10 in size.
    np.testing.assert_allclose(found, values, rtol=0, atol=500 * 500 * 10 * np.finfo(np.float64).eps)
    assert np.ptp(values, axis=0).max() > 0


def test_walks_are_recorded_only_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    steps = Extractor(built("residual")[1].to(DEVICE)).plan.steps
    found = [gpu.GpuKernel(*given).repeated(steps, Policy(), lambda x: x) for given in ((), (True,))]
    assert [walked is None for walked in found] == [True, False]


@pytest.mark.gpu
@NEEDS_GPU
@pytest.mark.parametrize("recording", [False, True])
def test_a_network_on_a_gpu_takes_pixels_from_anywhere(recording: bool) -> None:
    network = built("residual")[1]
    pixels = images(network, 5)
    assert Extractor(network.to("cuda")).chooser.name == "gpu"
    extractor = Extractor(network.to("cuda"), kernel=gpu.GpuKernel(recording))
    assert_same(extractor.extract(pixels), extractor.extract(pixels.cuda()))
    assert_same(Extractor(network).extract(pixels.cuda()), Extractor(network).extract(pixels))
    single = ImagePaths.join([extractor.extract(image[None]) for image in pixels])
    assert_same(extractor.extract(pixels), single)
