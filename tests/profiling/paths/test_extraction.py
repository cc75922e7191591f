"""Properties of paths that hold for every network, image and option."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pathprint.models.errors import PixelsError
from pathprint.models.operations import ALLOWED, STEPS, STRUCTURE
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths import steps
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import available, kernel_named
from pathprint.profiling.paths.kernels.selecting import select
from pathprint.profiling.paths.path import ImagePaths, Members
from pathprint.profiling.paths.policy import Policy, Selection
from pathprint.profiling.paths.steps import rule_of
from tests.profiling.paths.networks import Function, built, case


def images(n: int, name: str = "residual", seed: int = 0) -> Tensor:
    shape = built(name)[1].preprocessing.input_shape
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))


def assert_same(a: ImagePaths, b: ImagePaths) -> None:
    """Assert that two batches of paths have the same sets and counts."""
    np.testing.assert_array_equal(a.seeds, b.seeds)
    for mine, other in zip(a.layers, b.layers, strict=True):
        for kind in ("neurons", "weights"):
            np.testing.assert_array_equal(mine.members(kind).indices, other.members(kind).indices)
            np.testing.assert_array_equal(mine.members(kind).offsets, other.members(kind).offsets)
        np.testing.assert_array_equal(mine.synapses, other.synapses)
        np.testing.assert_array_equal(mine.unexplained, other.unexplained)
        # Activations differ in the last bits with the batch; the sets must not, a mean may.
        np.testing.assert_allclose(mine.coherence, other.coherence, atol=1e-6)


def test_every_allowed_operation_has_a_rule() -> None:
    assert set(STEPS) == ALLOWED - STRUCTURE
    assert all(rule_of(operation) for operation in STEPS)
    assert not any(rule_of(operation) for operation in STRUCTURE)


def test_every_rule_is_for_some_operation() -> None:
    modules = [import_module(f"{steps.__name__}.{found.name}") for found in iter_modules(steps.__path__)]
    rules = {module.__name__.rpartition(".")[2] for module in modules if hasattr(module, "rule")}
    assert rules == set(STEPS.values())


@pytest.mark.parametrize("name", ["residual", "cifar-resnet20", "lenet5"])
def test_batch_equals_its_images_one_by_one(name: str) -> None:
    pixels = images(5, name)
    whole = Extractor(built(name)[1]).extract(pixels)
    single = ImagePaths.join([Extractor(built(name)[1]).extract(image[None]) for image in pixels])
    assert_same(whole, single)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_batch_size_does_not_matter(batch_size: int) -> None:
    network = built("residual")[1]
    assert_same(Extractor(network).extract(images(7)), Extractor(network, batch_size=batch_size).extract(images(7)))


def test_number_of_threads_does_not_matter() -> None:
    network = built("residual")[1]
    one = Extractor(network).extract(images(6))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert_same(one, Extractor(network).extract(images(6)))
    finally:
        torch.set_num_threads(before)


def test_threads_may_share_an_extractor() -> None:
    extractor = Extractor(built("residual")[1])
    batches = [images(2, seed=seed) for seed in range(8)]
    expected = [extractor.extract(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(extractor.extract, batches), expected, strict=True):
            assert_same(found, wanted)


@st.composite
def rows(draw: st.DrawFn) -> Tensor:
    """Generate contributions with many ties, zeros and negatives, each row with a positive sum."""
    values = draw(st.lists(st.integers(-4, 6), min_size=1, max_size=8).filter(lambda row: sum(row) > 0))
    return torch.tensor([values], dtype=torch.float64)


@given(rows(), st.floats(0.01, 1), st.floats(0.01, 1))
@settings(deadline=None)
def test_selection_is_minimal_largest_first_and_monotone(row: Tensor, a: float, b: float) -> None:
    total = row.sum(1)
    small, large = (select(row, total, Selection(theta))[0] for theta in sorted((a, b)))
    assert bool((large | ~small).all())
    chosen, rest = row[0][large], row[0][~large]
    assert bool((chosen > 0).all())
    assert not len(rest) or chosen.min() >= rest.max()
    assert chosen.sum() >= max(a, b) * total
    assert chosen.sum() - chosen.min() < max(a, b) * total


@pytest.mark.parametrize("kernel", available())
def test_ties_go_to_the_lower_index(kernel: str) -> None:
    module, network = case("relu")
    assert isinstance(module, Function)
    assert module.conv.bias is not None
    with torch.no_grad():
        module.conv.weight.fill_(1.0)
        module.conv.bias.fill_(0.0)
    network = type(network).capture(module, network.preprocessing)
    layer = Extractor(network, Policy(0.5), kernel_named(kernel)).extract(torch.ones(1, 2, 12, 12)).layers[0]
    chosen = layer.weights.one(0).reshape(-1) % 18
    inner = [set(range(9))]  # half of 18 equal contributions: the nine of the first channel
    assert set(chosen.tolist()) in inner


def test_walk_can_start_elsewhere() -> None:
    extractor = Extractor(built("residual")[1])
    ranked = extractor.extract(images(3)).logits.argsort(1)[:, ::-1]
    np.testing.assert_array_equal(extractor.extract(images(3), rank=2).seeds, ranked[:, 1])
    assert_same(extractor.extract(images(3), seeds=ranked[:, 1].copy()), extractor.extract(images(3), rank=2))


def test_members_are_their_mask() -> None:
    mask = np.random.default_rng(0).random((4, 30)) < 0.3
    mask[2] = False
    members = Members.of(mask)
    np.testing.assert_array_equal(members.mask(), mask)
    np.testing.assert_array_equal(members.counts, mask.sum(1))
    joined = Members.join([Members.of(mask[:1]), Members.of(mask[1:])])
    np.testing.assert_array_equal(joined.mask(), mask)


def test_no_images_are_refused() -> None:
    with pytest.raises(OptionsError, match="no images were given"):
        Extractor(built("residual")[1]).extract(torch.zeros(0, 2, 12, 12))


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (torch.zeros(1, 3, 12, 12), r"pixels have shape \(1, 3, 12, 12\); the network takes \(n, 2, 12, 12\)"),
        (torch.zeros(2, 12, 12), r"pixels have shape \(2, 12, 12\)"),
        (torch.full((1, 2, 12, 12), torch.nan), "pixels are not finite"),
        (torch.full((1, 2, 12, 12), torch.inf), "pixels are not finite"),
        (torch.full((1, 2, 12, 12), 255.0), r"reach from 255 to 255; .* Divide values up to 255 by 255"),
        (torch.full((1, 2, 12, 12), -1.5), r"reach from -1\.5 to -1\.5; values in \[0, 1\] are expected"),
        (torch.zeros(1, 2, 12, 12, dtype=torch.uint8), r"pixels are uint8; .*: pixels\.float\(\) / 255"),
        (torch.zeros(1, 2, 12, 12, dtype=torch.int64), r"pixels are int64; float32 in \[0, 1\] is expected"),
        (torch.zeros(1, 2, 12, 12, dtype=torch.bool), r"pixels are bool; float32"),
        (torch.zeros(1, 2, 12, 12, dtype=torch.float64), r"pixels are float64; .*: pixels\.float\(\)\."),
    ],
)
def test_wrong_pixels_are_refused(pixels: Tensor, message: str) -> None:
    network = built("residual")[1]
    extractor = Extractor(network)
    entries: list[Callable[[Tensor], object]] = [extractor.extract, network.predict]
    for entry in entries:
        with pytest.raises(PixelsError, match=message):
            entry(pixels)


@pytest.mark.parametrize("options", [{"theta": 0}, {"theta": 1.1}, {"reference": "all"}, {"unexplained": "some"}])
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(OptionsError, match=next(iter(options))):
        Policy(**options)  # type: ignore[arg-type]


def test_unknown_kernel_is_refused() -> None:
    with pytest.raises(OptionsError, match="available: auto, cpu, reference"):
        kernel_named("quantum")
