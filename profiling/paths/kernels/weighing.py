"""Gather what contributed to wanted units of a convolution or linear layer. Torch, float64, any device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pathprint.profiling.arrays import Indices
from pathprint.profiling.paths.kernels.selecting import chunks, sign_of
from pathprint.profiling.paths.steps.weighted import Weighted


@dataclass(frozen=True, slots=True)
class Weighing:
    """Some wanted units of one image and what contributed to them.

    Attributes:
        units: flat output units, ``(m,)``.
        taps: flat input units, ``(m, k)``; -1 for padding.
        weights: flat weight elements, ``(m, k)``.
        signed: contributions times the sign of the unit, float64 ``(m, k)``; 0 for padding.
        bias: the bias of each unit times the sign of the unit, float64 ``(m,)``.
    """

    units: Tensor
    taps: Tensor
    weights: Tensor
    signed: Tensor
    bias: Tensor


def weighed(step: Weighted, x: Tensor, y: Tensor | None, units: Indices) -> Iterator[Weighing]:
    """Yield what contributed to the wanted ``units`` of one image, some units at a time."""
    for part in chunks(torch.from_numpy(units).to(x.device), step.layer.fan_in):
        taps, weights = receptive_fields(step, part)
        sign = sign_of(part.new_ones(len(part)) if y is None else y.reshape(-1)[part])
        products = x.reshape(-1)[taps.clamp(min=0)].double() * step.weight.reshape(-1)[weights].double()
        yield Weighing(part, taps, weights, products.where(taps >= 0, 0) * sign, bias_of(step, part) * sign[:, 0])


def bias_of(step: Weighted, units: Tensor) -> Tensor:
    """Return the bias of each unit, float64 ``(m,)``."""
    if step.bias is None:
        return torch.zeros(len(units), dtype=torch.float64, device=units.device)
    return step.bias.double()[_channel_and_position(step, units)[0]]


def _channel_and_position(step: Weighted, units: Tensor) -> tuple[Tensor, Tensor]:
    """Return output channel and output position of flat output units."""
    if step.channels_last:
        return units % len(step.weight), units // len(step.weight)
    return units // len(step.taps), units % len(step.taps)


def receptive_fields(step: Weighted, units: Tensor) -> tuple[Tensor, Tensor]:
    """Return flat input units (-1 for padding) and flat weight elements, both int64 ``(m, k)``."""
    return ends(step, units[:, None], torch.arange(step.layer.fan_in, device=units.device))


def ends(step: Weighted, units: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Return the flat input unit (-1 for padding) and the flat weight element of some synapses.

    Args:
        units: flat output units.
        positions: positions in the receptive field; ``units`` and ``positions`` are broadcast.
    """
    channel, place = _channel_and_position(step, units)
    taps, per_group = step.taps.shape[1], step.channels // step.groups
    tap = step.taps.to(units.device).long()[place, positions % taps]
    source = channel // (len(step.weight) // step.groups) * per_group + positions // taps
    channel_stride, position_stride = step.input_strides
    flat = (source * channel_stride + tap * position_stride).masked_fill(tap < 0, -1)
    return flat, channel * step.layer.fan_in + positions
