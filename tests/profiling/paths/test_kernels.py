"""The compiled kernel against the plain one, in the cases where they do most differently."""

import copy
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import Kernel, kernel_named
from pathprint.profiling.paths.path import LayerPath, LayerShape, Members
from pathprint.profiling.paths.policy import Reference, Selection, Unexplained
from pathprint.profiling.paths.steps.weighted import Weighted

CPU, PLAIN = kernel_named("cpu"), kernel_named("reference")


def step_of(weight: Tensor, bias: Tensor) -> Weighted:
    """Return the step of one linear layer; capturing a network for it would take far longer than all that follows."""
    outputs, inputs = weight.shape
    layer, own_row = LayerShape("fc", (outputs,), (outputs, inputs)), torch.zeros(1, 1, dtype=torch.int32)
    return Weighted(layer, "x", "y", weight, bias, own_row, inputs, positions=1, groups=1, channels_last=True)


def chosen(kernel: Kernel, *given: Any) -> tuple[LayerPath, Tensor]:
    """Return the path through a layer, and its inputs, of a kernel that leaves nothing on a device."""
    layer, inputs = kernel.weighted(*given)
    assert isinstance(layer, LayerPath)
    return layer, inputs


def test_the_step_of_one_layer_is_the_one_that_is_captured() -> None:
    linear = nn.Linear(5, 3)
    network = Network.capture(nn.Sequential(nn.Flatten(), linear), Preprocessing(1, (1, 5), 1, (0.0,), (1.0,)))
    (step,) = Extractor(network).plan.weighted
    made = step_of(linear.weight.detach(), linear.bias.detach())
    for field in fields(Weighted):
        if field.name not in ("layer", "x", "y"):  # whose names differ
            one, other = getattr(made, field.name), getattr(step, field.name)
            assert torch.equal(one, other) if isinstance(one, Tensor) else one == other


def assert_equal(found: tuple[LayerPath, Tensor], expected: tuple[LayerPath, Tensor]) -> None:
    (one, inputs), (other, expected_inputs) = found, expected
    for kind in ("neurons", "weights"):
        np.testing.assert_array_equal(getattr(one, kind).mask(), getattr(other, kind).mask())
    assert torch.equal(inputs, expected_inputs)
    np.testing.assert_array_equal(one.synapses, other.synapses)
    np.testing.assert_array_equal(one.unexplained, other.unexplained)
    np.testing.assert_allclose(one.coherence, other.coherence, atol=1e-6)


@settings(max_examples=200, deadline=None)
@given(
    inputs=st.one_of(st.integers(1, 100), st.integers(140, 400)),  # units of few contributions, and of many
    levels=st.integers(1, 4),
    theta=st.sampled_from([0.01, 0.5, 0.9, 1.0]),
    reference=st.sampled_from(["sum", "output", "positive"]),
    unexplained=st.sampled_from(["none", "argmax"]),
    seed=st.integers(0, 1000),
)
def test_whole_numbers_with_many_ties_and_many_to_choose(
    inputs: int, levels: int, theta: float, reference: Reference, unexplained: Unexplained, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)

    def whole(*shape: int) -> Tensor:
        return torch.randint(-levels, levels + 1, shape, generator=generator).float()

    step = step_of(whole(20, inputs), whole(20))
    x = whole(3, inputs)
    y = x @ step.weight.T + (0 if step.bias is None else step.bias)
    wanted = torch.rand(3, 20, generator=generator) < 0.7
    selection = Selection(theta, reference, unexplained)
    assert_equal(*(chosen(kernel, step, x, y, wanted, selection) for kernel in (CPU, PLAIN)))


@pytest.mark.parametrize("theta", [0.3, 0.9])
def test_sums_that_cancel_are_decided_in_double_precision(theta: float) -> None:
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(200, 60, generator=generator)
    large = 1e4 * torch.rand(200, 20, generator=generator)
    weight = torch.cat([large, small, -large], 1)  # what is left of 1e4 is about 30, or 1e-3 of it
    step = step_of(weight, torch.zeros(200))
    x = torch.ones(1, 100)
    y = (x.double() @ weight.double().T).float()
    wanted = torch.ones(1, 200, dtype=torch.bool)
    one, other = (chosen(kernel, step, x, y, wanted, Selection(theta)) for kernel in (CPU, PLAIN))
    assert_equal(one, other)
    assert one[0].unexplained.tolist() == [0]


def test_a_kernel_that_was_used_can_be_copied() -> None:
    step, x, wanted = step_of(torch.ones(4, 3), torch.zeros(4)), torch.ones(2, 3), torch.ones(2, 4, dtype=torch.bool)
    given = (step, x, None, wanted, Selection())
    expected = chosen(CPU, *given)
    assert_equal(chosen(copy.deepcopy(CPU), *given), expected)


def test_a_wish_for_nothing_is_granted() -> None:
    step = step_of(torch.ones(4, 3), torch.zeros(4))
    layer, inputs = chosen(CPU, step, torch.ones(2, 3), None, torch.zeros(2, 4, dtype=torch.bool), Selection())
    assert isinstance(layer.neurons, Members)
    assert isinstance(layer.weights, Members)
    assert (layer.neurons.offsets.tolist(), layer.weights.offsets.tolist()) == ([0, 0, 0], [0, 0, 0])
    assert (layer.synapses.tolist(), layer.coherence.tolist()) == ([0, 0], [0.0, 0.0])
    assert not inputs.any()


@pytest.mark.parametrize("many", ["few", "some", "most"])
@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "options"),
    [
        (3, 8, 7, {"stride": 2}),  # lines of taps read as rows
        (3, 8, 7, {"stride": 2, "padding": 3}),  # of which padding cuts some off
        (5, 8, (1, 5), {"padding": (0, 1)}),
        (3, 8, 3, {"padding": 1, "dilation": 2}),  # lines whose taps lie apart
        (12, 12, 3, {"padding": 1, "groups": 12}),
        (12, 12, 5, {"padding": 2, "groups": 12}),
        (16, 8, 1, {}),
        (17, 8, 1, {}),  # the last vector overlaps the one before
        (40, 8, 1, {}),
        (100, 8, 1, {}),
        (20, 8, 3, {"padding": 1}),
        (64, 8, 3, {"padding": 1}),
    ],
)
def test_convolutions_of_every_layout(
    channels: int, outputs: int, kernel: int | tuple[int, int], options: dict[str, Any], many: str
) -> None:
    torch.manual_seed(channels)
    conv = nn.Conv2d(channels, outputs, kernel, **options)
    with torch.no_grad():
        # The more alike contributions are, the more of them are needed.
        conv.weight.copy_({"few": conv.weight, "some": conv.weight.abs(), "most": 1 + conv.weight}[many])
    x = (1.0 if many == "most" else 0.0) + torch.rand(2, channels, 13, 13)
    shape = Preprocessing(channels, (13, 13), 13, (0.0,) * channels, (1.0,) * channels)
    with torch.no_grad():
        y = conv(x)
    answer = nn.Sequential(conv, nn.Flatten(), nn.Linear(y[0].numel(), 2))
    (step, _) = Extractor(Network.capture(answer, shape)).plan.weighted
    wanted = torch.rand(y.shape) < 0.4
    for theta in (0.1, 0.5, 1.0):
        assert_equal(*(chosen(one, step, x, y, wanted, Selection(theta)) for one in (CPU, PLAIN)))
