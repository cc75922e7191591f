"""The compiled attention against the plain one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pathprint.profiling.paths.kernels import kernel_named
from pathprint.profiling.paths.policy import Reference, Selection, Unexplained
from pathprint.profiling.paths.steps.attention import Attention

CPU, PLAIN = kernel_named("cpu"), kernel_named("reference")


def assert_equal(weights: Tensor, values: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
    """Compare what both kernels choose of ``values``, ``(n, rows, keys, width)``; return it."""
    rows, queries, keys = weights.shape[1:]
    width = values.shape[-1]
    step = Attention("weights", "x", "y", rows, queries, keys, width)
    outputs = (weights.double() @ values.double()).float()
    parts = weights, values, outputs
    one, other = (kernel.attend(step, parts, wanted, selection).reshape(values.shape) for kernel in (CPU, PLAIN))
    assert torch.equal(one, other)
    return one


def source(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=150, deadline=None)
@given(
    keys=st.integers(1, 70),
    levels=st.integers(0, 4),
    theta=st.sampled_from([0.01, 0.5, 0.9, 1.0]),
    reference=st.sampled_from(["sum", "output", "positive"]),
    unexplained=st.sampled_from(["none", "argmax"]),
    seed=st.integers(0, 1000),
)
def test_whole_numbers_with_many_ties_and_many_to_choose(
    keys: int, levels: int, theta: float, reference: Reference, unexplained: Unexplained, seed: int
) -> None:
    generator = source(seed)

    def whole(*shape: int) -> Tensor:
        return torch.randint(-levels, levels + 1, shape, generator=generator).float()

    wanted = torch.rand(2, 3, 5, 4, generator=generator) < 0.7
    selection = Selection(theta, reference, unexplained)
    assert_equal(whole(2, 3, 5, keys).abs(), whole(2, 3, keys, 4), wanted, selection)


@pytest.mark.parametrize("reference", ["sum", "positive"])
@pytest.mark.parametrize("theta", [0.1, 0.5, 0.9])
def test_weights_of_a_softmax(theta: float, reference: Reference) -> None:
    generator = source(0)
    weights = torch.softmax(torch.randn(2, 3, 20, 197, generator=generator), -1)
    values, wanted = torch.randn(2, 3, 197, 8, generator=generator), torch.rand(2, 3, 20, 8, generator=generator) < 0.5
    chosen = assert_equal(weights, values, wanted, Selection(theta, reference))
    assert 0.01 < chosen.float().mean() < 0.99


@pytest.mark.parametrize("theta", [0.3, 0.9])
def test_sums_that_cancel_are_decided_in_double_precision(theta: float) -> None:
    generator = source(0)
    small, large = torch.rand(1, 1, 60, 50, generator=generator), 1e4 * torch.rand(1, 1, 20, 50, generator=generator)
    values = torch.cat([large, small, -large], 2)  # what is left of 1e4 is about 30, or 1e-3 of it
    assert (
        assert_equal(torch.ones(1, 1, 1, 100), values, torch.ones(1, 1, 1, 50, dtype=torch.bool), Selection(theta))
        .any(2)
        .all()
    )


@pytest.mark.parametrize("size", [1e-44, 1e-38, 1e-30, 1.0, 1e30, 3e38])
@pytest.mark.parametrize("unexplained", ["none", "argmax"])
def test_values_of_any_size(size: float, unexplained: Unexplained) -> None:
    generator = source(1)
    weights = torch.softmax(torch.randn(1, 2, 6, 40, generator=generator), -1)
    values = size * (2 * torch.rand(1, 2, 40, 3, generator=generator).double() - 1)
    wanted = torch.ones(1, 2, 6, 3, dtype=torch.bool)
    assert assert_equal(weights, values.float(), wanted, Selection(0.5, unexplained=unexplained)).any()


@pytest.mark.parametrize("theta", [0.5, 1.0])
@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_values_that_are_all_equal(value: float, theta: float) -> None:
    weights, wanted = torch.full((1, 1, 2, 5), 0.25), torch.ones(1, 1, 2, 3, dtype=torch.bool)
    chosen = assert_equal(weights, torch.full((1, 1, 5, 3), value), wanted, Selection(theta))
    assert chosen.sum() == (0 if value == 0 else 15 if theta == 1 else 9)


def test_a_wish_for_nothing_is_granted() -> None:
    nothing = torch.zeros(1, 1, 2, 3, dtype=torch.bool)
    assert not assert_equal(torch.ones(1, 1, 2, 4), torch.ones(1, 1, 4, 3), nothing, Selection()).any()


def test_images_rows_and_queries_do_not_mix() -> None:
    generator = source(2)
    weights, values = torch.rand(3, 4, 5, 6, generator=generator), torch.randn(3, 4, 6, 7, generator=generator)
    wanted = torch.rand(3, 4, 5, 7, generator=generator) < 0.2
    whole = assert_equal(weights, values, wanted, Selection())
    for image in range(3):
        part = slice(image, image + 1)
        assert torch.equal(assert_equal(weights[part], values[part], wanted[part], Selection()), whole[part])
