"""Tests of capture and geometry, on small networks with every kind of layer."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from .effective_path import Trace, UnsupportedOperationsError, extract, trace
from .examples import Apply, residual_network
from .geometry import FloatArray, IntArray
from .walk import received, sources


@pytest.fixture(scope="module")
def recorded() -> Trace:
    torch.manual_seed(1)
    return trace(residual_network(), torch.randn(3, 16, 16))


def gradient(function: Callable[[Tensor], Tensor], x: Tensor, unit: int) -> FloatArray:
    """Return the flat derivative of one output unit by every input element."""
    variable = x[None].clone().requires_grad_()
    (found,) = torch.autograd.grad(function(variable).flatten()[unit], variable)
    flat: FloatArray = found.double().numpy().ravel()
    return flat


MOVEMENTS: list[Callable[[Tensor], Tensor]] = [
    lambda x: torch.cat([x, x.flip(3), torch.ones_like(x)], dim=1),
    lambda x: functional.pad(x, (1, 2, 0, 1), value=4.0),
    lambda x: x.reshape(1, 2, 3, 12).transpose(1, 2).reshape(1, 6, 3, 4),
    lambda x: x.roll(2, dims=3)[:, 1::2, :, -1],
    lambda x: torch.stack(x.unbind(3), dim=1).permute(0, 2, 1, 3),
    lambda x: torch.cat(torch.split(x, [1, 3, 2], dim=1)[::-1], dim=1),
    lambda x: x.mean(dim=(2, 3), keepdim=True).expand(-1, -1, 2, 2)[:, :, :1, 0],
    lambda x: functional.channel_shuffle(x, 3),
    lambda x: x.unsqueeze(1).squeeze(1)[:, [4, 0]],
]


@pytest.mark.parametrize("function", MOVEMENTS)
def test_moved_elements_are_those_that_the_gradient_points_to(
    function: Callable[[Tensor], Tensor],
) -> None:
    x = torch.rand(6, 3, 4, generator=torch.Generator().manual_seed(0)) + 1
    run = trace(Apply(function), x)
    for unit in range(0, run.values[run.output].numel(), 5):
        inputs = extract(run, theta=1.0, seed_class=unit).inputs.ravel()
        np.testing.assert_array_equal(inputs, gradient(function, x, unit) != 0)


WINDOWED: list[tuple[nn.Module, tuple[int, ...]]] = [
    (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), (4, 7, 6)),
    (nn.Conv2d(4, 8, 3, padding="same", groups=2), (4, 5, 6)),
    (nn.Conv2d(4, 8, (2, 4), padding="same", groups=4, bias=False), (4, 5, 6)),
    (nn.Conv1d(4, 3, 3, stride=2, padding=1), (4, 9)),
    (nn.Conv3d(2, 3, 2, padding=1, stride=(1, 2, 2)), (2, 3, 4, 5)),
    (nn.Linear(5, 3), (2, 4, 5)),
    (nn.Linear(5, 3), (5,)),
    (nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), (2, 6, 7)),
    (nn.AvgPool1d(2), (2, 6)),
    (nn.AdaptiveAvgPool2d((3, 4)), (2, 7, 6)),
    (nn.AdaptiveAvgPool2d((None, 1)), (2, 7, 6)),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize(("layer", "shape"), WINDOWED)
def test_contributions_are_input_times_gradient(layer: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0)) + 0.5
    run = trace(Apply(layer), x)
    step = next(step for step in run.steps if step.rule in ("weighted", "share"))
    for unit in range(run.values[step.node].numel()):
        ((_, elements, evidence),) = received(run, step, np.array([unit]))
        expected = np.append(0.0, gradient(layer, x, unit)) * sources(run, step)
        share = step.rule == "share"  # the oracle leaves out the divisor
        scale = expected.sum() / evidence.contributions.sum() if share else 1.0
        spread = scattered(elements, evidence.contributions * scale, len(expected))
        np.testing.assert_allclose(spread, expected, atol=1e-6)
        # Positions count in the order channel, row, column: that of the flat input.
        assert (np.diff(elements[elements > 0]) > 0).all()


def scattered(elements: IntArray, contributions: FloatArray, size: int) -> FloatArray:
    """Return the contributions at the flat places of their elements."""
    flat = np.zeros(size)
    flat[elements] = contributions
    return flat


def test_batch_norm_after_a_convolution_is_folded(recorded: Trace) -> None:
    network = residual_network().eval()
    first = next(step for step in recorded.steps if step.rule == "weighted")
    expected = network.stem[1](network.stem[0](recorded.values[recorded.source]))
    torch.testing.assert_close(recorded.values[first.node], expected)
    assert first.weight_shape == (8, 3, 3, 3)
    assert first.weight.shape == (8, 27)


def test_run_goes_on_with_recorded_outputs_within_rounding(recorded: Trace) -> None:
    weighted = [step for step in recorded.steps if step.rule == "weighted"]
    own = {step.name: recorded.values[step.node] for step in weighted}
    image, unit = recorded.values[recorded.source][0], own["twice"].abs().argmax()
    given = {**own, "twice": own["twice"].clone().reshape(-1)}
    given["twice"][unit] *= 1 + 2**-22  # another order of summation may give this
    again = trace(residual_network(), image, given)
    (step,) = (step for step in again.steps if step.name == "twice")
    assert torch.equal(again.values[step.node].reshape(-1), given["twice"])
    given["twice"][unit] *= 1 + 2**-14
    with pytest.raises(AssertionError, match="outside its bound"):
        trace(residual_network(), image, given)


def test_network_with_other_logits_than_the_module_is_found() -> None:
    def nearly(x: Tensor) -> Tensor:
        return x.flatten(1) * (1 + 1e-7 * torch.compiler.is_exporting())

    with pytest.raises(AssertionError, match="not close"):
        trace(Apply(nearly), torch.ones(1, 2, 2))


def test_layers_are_named_by_module_and_call(recorded: Trace) -> None:
    path = extract(recorded)
    assert [layer.name for layer in path.layers] == ["stem.0", "twice", "twice@2", "head"]
    shapes = [layer.neurons.shape for layer in path.layers]
    assert shapes == [(8, 16, 16), (8, 8, 8), (8, 8, 8), (5,)]
    assert path.layers[1].weights.shape == (8, 4, 3, 3)


def test_module_is_left_as_it_was() -> None:
    network = residual_network().train()
    before = copy.deepcopy(network.state_dict())
    trace(network, torch.randn(3, 16, 16))
    assert network.training and network.head.training
    torch.testing.assert_close(dict(network.state_dict()), dict(before), rtol=0, atol=0)


def test_every_unsupported_operation_is_listed() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.lgamma()

    network = nn.Sequential(Odd(), nn.Conv2d(1, 1, 1), Odd())
    with pytest.raises(UnsupportedOperationsError, match=r"0: aten\.lgamma.*; 2: aten\.lgamma"):
        trace(network, torch.ones(1, 2, 2))


def test_chosen_units_are_never_zero(recorded: Trace) -> None:
    path = extract(recorded, theta=0.9)
    steps = [step for step in recorded.steps if step.rule == "weighted"]
    for step, layer in zip(steps, path.layers, strict=True):
        assert (recorded.values[step.node][0].numpy()[layer.neurons] != 0).all()
    assert path.layers[0].neurons.sum() > 20
