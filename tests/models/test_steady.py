"""What an image becomes does not depend on the images beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pathprint.models.steady import STEADY, convolution, linear

COMPANY = (1, 2, 3, 4, 5, 7, 8, 15, 16, 17)
"""Numbers of images: libraries are known to change their ways at 2, 4 and 16."""


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def conv(axes: int, inside: int, outside: int, size: int, side: int, **options: Any) -> Callable[[Tensor], Tensor]:
    weight = noise(outside, inside // int(options.get("groups", 1)), *[size] * axes)
    return lambda x: STEADY[f"aten.conv{axes}d.default"](x, weight, noise(outside), **options)


def layers() -> dict[str, tuple[Callable[[Tensor], Tensor], Tensor]]:
    """Return operations by name, each with seventeen images."""
    found: dict[str, tuple[Callable[[Tensor], Tensor], Tensor]] = {}
    for inside, outside in ((64, 10), (512, 1000), (4096, 64), (17, 3)):
        weight = noise(outside, inside)
        found[f"linear {inside} to {outside}"] = (partial(linear, weight=weight), noise(17, inside))
    found["tokens"] = (partial(linear, weight=noise(32, 64)), noise(17, 3, 64))
    shapes: tuple[tuple[int, int, int, int, int, dict[str, Any]], ...] = (
        (2, 1, 16, 3, 8, {"padding": 1}),
        (2, 32, 32, 3, 4, {"padding": 1}),
        (2, 64, 64, 1, 14, {}),  # torch takes its own below sixteen images
        (2, 16, 16, 3, 32, {"padding": 1, "groups": 16}),
        (2, 3, 16, 5, 33, {"stride": 2, "dilation": 2}),
        (1, 8, 16, 3, 20, {"padding": 1}),
        (3, 2, 4, 3, 6, {"padding": 1}),
        (2, 3, 8, 4, 9, {"padding": "same"}),
    )
    for axes, inside, outside, size, side, options in shapes:
        name = f"conv{axes}d {inside} to {outside} of {size} {options}"
        x = noise(17, inside, *[side] * axes)
        x = x.contiguous(memory_format=torch.channels_last) if axes == 2 else x
        found[name] = (conv(axes, inside, outside, size, side, **options), x)
    return found


LAYERS = layers()
close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-4)
"""Not equal bits: those depend on the processor (decision 091 has where they are equal)."""


@pytest.mark.parametrize("name", LAYERS)
def test_company_changes_next_to_nothing(name: str) -> None:
    layer, images = LAYERS[name]
    with torch.inference_mode():
        whole = layer(images)
        for number in COMPANY:
            close(layer(images[:number]), whole[:number])
        for index in (0, 8, 16):
            close(layer(images[index : index + 1]), whole[index : index + 1])


CASES: list[tuple[int, dict[str, Any]]] = [
    (1, {}),
    (2, {}),
    (3, {}),
    (2, {"stride": 2, "padding": 1}),
    (2, {"stride": [2, 1], "padding": [0, 2], "dilation": [1, 2]}),
    (2, {"padding": [1]}),
    (2, {"groups": 2}),
    (1, {"padding": "same", "dilation": 3}),
    (2, {"padding": "same", "dilation": [1, 3]}),
    (3, {"padding": "same"}),
    (2, {"padding": "valid"}),
]


@pytest.mark.parametrize(("axes", "options"), CASES)
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("biased", [True, False])
def test_convolutions_are_those_of_torch(axes: int, options: dict[str, Any], size: int, biased: bool) -> None:
    weight, bias = noise(6, 4 // int(options.get("groups", 1)), *[size] * axes), noise(6) if biased else None
    x = noise(3, 4, *[7] * axes)
    plain: Any = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[axes]
    expected = plain(x, weight, bias, **options)
    with torch.inference_mode():
        assert torch.allclose(convolution(x, weight, bias, **options), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(5,), (1, 5), (2, 1, 5), (3, 5), (9, 5), (0, 5)])
def test_linear_layers_are_those_of_torch(shape: tuple[int, ...]) -> None:
    x, weight, bias = noise(*shape), noise(3, 5), noise(3)
    with torch.inference_mode():
        found = linear(x, weight, bias)
    assert found.shape == F.linear(x, weight, bias).shape
    assert torch.allclose(found, F.linear(x, weight, bias), atol=1e-6)


def test_gradients_flow_as_ever() -> None:
    x = noise(1, 1, 8, 8).requires_grad_()
    convolution(x, noise(2, 1, 3, 3)).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert bool(x.grad.abs().sum() > 0)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 2, 3), (2, 0, 1, 3), (0, 1, 3, 2)])
def test_rows_in_any_order_of_memory_give_one_product(order: tuple[int, ...]) -> None:
    x = noise(5, 6, 7, 8).permute(order)
    weight = noise(32, x.shape[-1])
    with torch.inference_mode():
        close(linear(x, weight, noise(32)), F.linear(x.contiguous(), weight, noise(32)))


def test_a_product_lies_as_its_input_does() -> None:
    with torch.inference_mode():
        assert linear(noise(17, 50, 64).transpose(0, 1), noise(32, 64)).transpose(0, 1).is_contiguous()
        assert linear(noise(17, 50, 64)[:1], noise(32, 64)).is_contiguous()
