"""Convolutions and linear layers whose output for an image does not depend on the images beside it.

Libraries add in another order when a batch is small: torch takes another convolution for a single small image, and BLAS
another matrix product for fewer than four rows. The results differ in their last bits, and a path that is chosen by
them can differ too. Here one image takes the way that several take.

This holds on CPUs, in float32 and without gradients, which is how paths are recorded; elsewhere the plain operations
run. Which sizes libraries treat in another way is theirs to change, and differs between processors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_FEW = 4
"""From this number of rows on, products add in one order, whatever the number."""
Numbers = int | Sequence[int]
_HAS_ONEDNN = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x @ weight.T + bias``, computed as one product of at least ``_FEW`` rows.

    Rows are taken in the order of memory, and the result lies as ``x`` does. In another order torch would make a
    product for each part of ``x``, which takes several times as long, or ``x`` would have to be copied.
    """
    if not _is_steady(x) or x.dim() < 2:
        return F.linear(x, weight, bias)
    order = sorted(range(x.dim() - 1), key=x.stride, reverse=True)
    laid = x.permute(*order, -1)
    rows = laid.reshape(-1, x.shape[-1]).contiguous()
    missing = max(0, _FEW - len(rows))
    found = F.linear(F.pad(rows, (0, 0, 0, missing)) if missing else rows, weight, bias)
    placed = found[: len(rows)].reshape(*laid.shape[:-1], len(weight))
    return placed.permute(*(order.index(axis) for axis in range(len(order))), -1)


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Numbers = 1,
    padding: Numbers | str = 0,
    dilation: Numbers = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution over one to three axes, computed by oneDNN however small it is."""
    axes = weight.dim() - 2
    if not _is_steady(x) or x.dim() != weight.dim() or not _HAS_ONEDNN:
        plain: Tensor = _PLAIN[axes](x, weight, bias, stride, padding, dilation, groups)
        return plain
    strides, dilations = _each(stride, axes), _each(dilation, axes)
    if isinstance(padding, str):
        x, pads = _padded(x, weight, padding, dilations)
    else:
        pads = _each(padding, axes)
    if axes == 1:  # oneDNN's begins at two axes
        flat = _mkldnn(x[:, :, None], weight[:, :, None], bias, [0, *pads], [1, *strides], [1, *dilations], groups)
        return flat[:, :, 0]
    return _mkldnn(x, weight, bias, pads, strides, dilations, groups)


def _is_steady(x: Tensor) -> bool:
    """Say whether ``x`` is computed with here: plain memory of a CPU, not what a tracer or autograd follows."""
    plain = type(x) is Tensor and x.device.type == "cpu" and x.dtype is torch.float32
    return plain and not torch.is_grad_enabled() and x.numel() > 0


def _mkldnn(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    found: Tensor = torch.ops.aten.mkldnn_convolution(x, weight, bias, padding, stride, dilation, groups)
    return found


def _each(value: Numbers, axes: int) -> list[int]:
    """Return one number for each axis."""
    numbers = [value] if isinstance(value, int) else list(value)
    return numbers * axes if len(numbers) == 1 else numbers


def _padded(x: Tensor, weight: Tensor, how: str, dilation: Sequence[int]) -> tuple[Tensor, list[int]]:
    """Return ``x`` with what the padding called ``how`` adds on one side only, and what it adds on both."""
    spans = [step * (size - 1) if how == "same" else 0 for step, size in zip(dilation, weight.shape[2:], strict=True)]
    odd = [span % 2 for span in spans]
    sides = [side for more in reversed(odd) for side in (0, more)]
    return (F.pad(x, sides) if any(odd) else x), [span // 2 for span in spans]


_PLAIN: Mapping[int, Callable[..., Any]] = MappingProxyType({1: F.conv1d, 2: F.conv2d, 3: F.conv3d})
STEADY: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {"aten.linear.default": linear}
    | {f"aten.conv{axes}d.{form}": convolution for axes in (1, 2, 3) for form in ("default", "padding")}
)
"""The operations of a graph that are computed here."""
