"""The plain kernel: gather contributions, sort, sum, cut. Torch, float64, any device, slow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Indices
from pathprint.profiling.paths.geometry import Maximum, Mean, Movement, Pool, Sum, Weighted
from pathprint.profiling.paths.kernels.interface import Choice, Shape
from pathprint.profiling.paths.path import Members
from pathprint.profiling.paths.policy import Selection

_CHUNK = 1 << 22
"""Contributions gathered at once: 32 MB of float64."""


def select(contributions: Tensor, totals: Tensor, selection: Selection) -> Tensor:
    """Choose the fewest largest contributions whose sum reaches ``theta * total``, or those of at least phi.

    Args:
        contributions: float64 ``(m, k)``, already multiplied by the sign of the unit; 0 for padding.
        totals: float64 ``(m,)``, already multiplied by the sign.

    Returns:
        bool ``(m, k)``. Equal contributions are taken lowest index first.
    """
    ordered, order = contributions.clamp(min=0).sort(dim=1, descending=True, stable=True)
    if selection.phi is None:
        before = torch.nn.functional.pad(ordered.cumsum(1), (1, -1))  # the sum of those ranked higher
        taken = (before < selection.theta * totals[:, None]) & (ordered > 0) & (totals[:, None] > 0)
        unexplained = totals <= 0
    else:
        taken = ordered >= selection.phi  # which is above 0
        unexplained = ~taken[:, 0]
    if selection.unexplained == "argmax":
        taken[:, 0] |= unexplained & (ordered[:, 0] > 0)
    return torch.zeros_like(taken).scatter_(1, order, taken)


@dataclass(frozen=True, slots=True)
class Weighing:
    """Some wanted units of one image and what contributed to them.

    Attributes:
        units: flat output units, ``(m,)``.
        taps: flat input units, ``(m, k)``; -1 for padding.
        weights: flat weight elements, ``(m, k)``.
        signed: contributions times the sign of the unit, float64 ``(m, k)``; 0 for padding.
        bias: times that sign, float64 ``(m,)``.
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
        sign = _sign(part.new_ones(len(part)) if y is None else y.reshape(-1)[part])
        products = x.reshape(-1)[taps.clamp(min=0)].double() * step.weight.reshape(-1)[weights].double()
        yield Weighing(part, taps, weights, products.where(taps >= 0, 0) * sign, bias_of(step, part) * sign[:, 0])


class ReferenceKernel:
    """See ``Kernel``."""

    name = "reference"

    threads = False

    def weighted(self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection) -> Choice:
        neurons = _members(wanted)
        outputs = [None] * len(x) if y is None else y
        images = [_weighted_image(step, x[i], outputs[i], neurons.one(i), selection) for i in range(len(x))]
        inputs, weights, synapses, ids, unexplained, coherence = zip(*images, strict=True)
        return Choice(
            neurons,
            torch.stack(inputs).reshape(x.shape),
            Members.stack(weights, step.weight.numel()),
            np.array(synapses, dtype=np.int64),
            np.array(unexplained, dtype=np.int64),
            np.array(coherence, dtype=np.float64),
            Members.stack(ids, step.layer.size("synapses")) if selection.synapses else None,
        )

    def mean(self, step: Mean, x: Tensor, y: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
        inputs = torch.zeros(len(x), step.size, dtype=torch.bool, device=x.device)
        for image, part, tap in _pool_windows(step, _members(wanted), x.device):
            sign = _sign(y[image].reshape(-1)[part])
            values = x[image].reshape(-1)[tap.clamp(min=0)].double().where(tap >= 0, 0) * sign
            totals = totals_of(values, torch.zeros(len(part), device=x.device), selection)
            inputs[image, tap[select(values, totals, selection)]] = True
        return inputs.reshape(x.shape)

    def maximum(self, step: Maximum, x: Tensor, wanted: Tensor) -> Tensor:
        inputs = torch.zeros(len(x), step.size, dtype=torch.bool, device=x.device)
        for image, _, tap in _pool_windows(step, _members(wanted), x.device):
            values = x[image].reshape(-1)[tap.clamp(min=0)].where(tap >= 0, -torch.inf)
            largest = values.amax(1, keepdim=True)
            # argmax on a bool tensor is not stable in torch; the first True is the smallest index.
            order = torch.arange(tap.shape[1], device=x.device).expand_as(tap)
            first = order.where(values == largest, tap.shape[1]).amin(1, keepdim=True)
            inputs[image, tap.gather(1, first)[:, 0]] = True
        return inputs.reshape(x.shape)

    def add(
        self, step: Sum, operands: tuple[Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> tuple[Tensor, Tensor]:
        # Two contributions are too few for the general selection, it is three comparisons: the
        # larger one (the first on a tie) if it suffices or stands alone, else both.
        image, unit = wanted.reshape(len(wanted), -1).nonzero(as_tuple=True)
        sources = [source.to(unit.device)[unit] for source in step.sources]
        first, second = (
            operand.reshape(len(operand), -1)[image, source].double() * scale
            for operand, source, scale in zip(operands, sources, step.scales, strict=True)
        )
        sign = _sign(first + second)[:, 0]
        first, second = first * sign, second * sign
        total = first + second if selection.reference != "positive" else first.clamp(min=0) + second.clamp(min=0)
        first_leads, largest = first >= second, torch.maximum(first, second)
        explained = (total > 0) & (largest > 0)
        enough = largest >= selection.theta * total
        keep_largest = explained if selection.unexplained == "none" else largest > 0
        one = (keep_largest & first_leads) | (explained & ~enough & (first > 0))
        two = (keep_largest & ~first_leads) | (explained & ~enough & (second > 0))
        return (
            _scatter(image[one], sources[0][one], tuple(operands[0].shape)),
            _scatter(image[two], sources[1][two], tuple(operands[1].shape)),
        )

    def move(self, step: Movement, wanted: Tensor, shapes: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        image, unit = wanted.reshape(len(wanted), -1).nonzero(as_tuple=True)
        return tuple(
            _scatter(image, source.to(unit.device)[unit], (len(wanted), *shape))
            for source, shape in zip(step.sources, shapes, strict=True)
        )


def _weighted_image(
    step: Weighted, x: Tensor, y: Tensor | None, units: Indices, selection: Selection
) -> tuple[Tensor, Indices, int, Indices, int, float]:
    """Return inputs, weights, number and names of the synapses, unexplained units and coherence."""
    inputs = torch.zeros(step.size, dtype=torch.bool, device=x.device)
    weights = torch.zeros(step.weight.numel(), dtype=torch.bool, device=x.device)
    synapses, unexplained, coherence = 0, 0, 0.0
    listed = [np.zeros(0, dtype=np.int64)]
    for some in weighed(step, x, y, units):
        totals = totals_of(some.signed, some.bias, selection)
        chosen = select(some.signed, totals, selection)
        inputs[some.taps[chosen]] = True
        weights[some.weights[chosen]] = True
        synapses += int(chosen.sum())
        unexplained += int(_unexplained(some.signed, totals, selection).sum())
        gross = some.signed.abs().sum(1)
        coherence += float((some.signed.sum(1) / gross).where(gross > 0, 0).sum())
        if selection.synapses:
            row, position = chosen.nonzero(as_tuple=True)
            listed.append((some.units[row] * step.layer.fan_in + position).cpu().numpy())
    used = weights.nonzero()[:, 0].cpu().numpy()
    return inputs, used, synapses, np.concatenate(listed), unexplained, coherence / max(len(units), 1)


def _unexplained(signed: Tensor, totals: Tensor, selection: Selection) -> Tensor:
    """Return which units nothing explains, bool ``(m,)``, whatever is then chosen for them."""
    if selection.phi is not None:
        return (signed < selection.phi).all(1)
    return (totals <= 0) | (signed <= 0).all(1)


def bias_of(step: Weighted, units: Tensor) -> Tensor:
    """Return the bias of each unit, float64 ``(m,)``."""
    if step.bias is None:
        return torch.zeros(len(units), dtype=torch.float64, device=units.device)
    return step.bias.double()[_channel_and_position(step, units)[0]]


def totals_of(signed: Tensor, bias: Tensor, selection: Selection) -> Tensor:
    """Return the reference total of each row of signed contributions ``(m, k)``."""
    match selection.reference:
        case "sum":
            return signed.sum(1)
        case "output":
            return signed.sum(1) + bias
        case "positive":
            return signed.clamp(min=0).sum(1)


def _members(mask: Tensor) -> Members:
    return Members.of(mask.reshape(len(mask), -1).cpu().numpy())


def _scatter(image: Tensor, unit: Tensor, shape: Shape) -> Tensor:
    """Return a mask of ``shape`` that is true at ``(image, unit)``; a unit of -1 is nowhere."""
    mask = torch.zeros(shape[0], prod(shape[1:]), dtype=torch.bool, device=unit.device)
    inside = unit >= 0
    mask[image[inside], unit[inside]] = True
    return mask.reshape(shape)


def _sign(values: Tensor) -> Tensor:
    """Return the sign of each value as float64 ``(m, 1)``; zero counts as positive."""
    return torch.where(values < 0, -1.0, 1.0).double()[:, None]


def chunks(units: Tensor, fan_in: int) -> Iterator[Tensor]:
    """Yield ``units`` in parts whose contributions, ``fan_in`` each, can be gathered at once."""
    if len(units):
        yield from torch.split(units, max(1, _CHUNK // max(fan_in, 1)))


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

    ``units`` are flat output units, ``positions`` those in the receptive field; they broadcast.
    """
    channel, place = _channel_and_position(step, units)
    taps, per_group = step.taps.shape[1], step.channels // step.groups
    tap = step.taps.to(units.device).long()[place, positions % taps]
    source = channel // (len(step.weight) // step.groups) * per_group + positions // taps
    channel_stride, position_stride = step.input_strides
    flat = (source * channel_stride + tap * position_stride).masked_fill(tap < 0, -1)
    return flat, channel * step.layer.fan_in + positions


def _pool_windows(step: Pool, wanted: Members, device: torch.device) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield image, wanted units and their taps as flat input units ``(m, t)``, -1 for padding."""
    taps = step.taps.to(device).long()
    for image in range(len(wanted.offsets) - 1):
        for part in chunks(torch.from_numpy(wanted.one(image)).to(device), taps.shape[1]):
            row, position = part // len(taps), part % len(taps)
            tap = taps[position]
            yield image, part, (tap + row[:, None] * step.positions).masked_fill(tap < 0, -1)
