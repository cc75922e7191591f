"""The plain kernel: gather contributions, sort, sum, cut. Torch, float64, any device, slow."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
import torch
from torch import Tensor

from profiling.paths.geometry import Maximum, Mean, Movement, Pool, Sum, Weighted
from profiling.paths.kernels.interface import Choice, Shape
from profiling.paths.path import Indices, Members
from profiling.paths.policy import Policy

_CHUNK = 1 << 22
"""Contributions gathered at once: 32 MB of float64."""


def select(contributions: Tensor, totals: Tensor, policy: Policy) -> Tensor:
    """Choose the fewest largest contributions whose sum reaches ``theta * total``.

    Args:
        contributions: float64 ``(m, k)``, already multiplied by the sign of the unit; 0 for padding.
        totals: float64 ``(m,)``, already multiplied by the sign.

    Returns:
        bool ``(m, k)``. Equal contributions are taken lowest index first.
    """
    ordered, order = contributions.clamp(min=0).sort(dim=1, descending=True, stable=True)
    before = torch.nn.functional.pad(ordered.cumsum(1), (1, -1))  # the sum of those ranked higher
    taken = (before < policy.theta * totals[:, None]) & (ordered > 0) & (totals[:, None] > 0)
    if policy.unexplained == "argmax":
        taken[:, 0] |= (totals <= 0) & (ordered[:, 0] > 0)
    return torch.zeros_like(taken).scatter_(1, order, taken)


class ReferenceKernel:
    """See ``Kernel``."""

    name = "reference"

    threads = False

    def weighted(self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, policy: Policy) -> Choice:
        neurons = _members(wanted)
        outputs = [None] * len(x) if y is None else y
        images = [self._weighted_image(step, x[i], outputs[i], neurons.one(i), policy) for i in range(len(x))]
        inputs, weights, synapses, unexplained, coherence = zip(*images, strict=True)
        offsets = np.concatenate([[0], np.cumsum([len(w) for w in weights])])
        return Choice(
            neurons,
            torch.stack(inputs).reshape(x.shape),
            Members(offsets.astype(np.int64), np.concatenate(weights), step.weight.numel()),
            np.array(synapses, dtype=np.int64),
            np.array(unexplained, dtype=np.int64),
            np.array(coherence, dtype=np.float64),
        )

    def _weighted_image(
        self, step: Weighted, x: Tensor, y: Tensor | None, units: Indices, policy: Policy
    ) -> tuple[Tensor, Indices, int, int, float]:
        inputs = torch.zeros(step.size, dtype=torch.bool, device=x.device)
        weights = torch.zeros(step.weight.numel(), dtype=torch.bool, device=x.device)
        synapses, unexplained, coherence = 0, 0, 0.0
        fan_in = step.weight[0].numel()
        for part in _chunks(torch.from_numpy(units).to(x.device), fan_in):
            tap, weight = _receptive_fields(step, part)
            sign = _sign(part.new_ones(len(part)) if y is None else y.reshape(-1)[part])
            products = x.reshape(-1)[tap.clamp(min=0)].double() * step.weight.reshape(-1)[weight].double()
            signed = products.where(tap >= 0, 0) * sign
            totals = totals_of(signed, self._bias(step, part) * sign[:, 0], policy)
            chosen = select(signed, totals, policy)
            inputs[tap[chosen]] = True
            weights[weight[chosen]] = True
            synapses += int(chosen.sum())
            unexplained += int(((totals <= 0) | ~chosen.any(1)).sum())
            gross = signed.abs().sum(1)
            coherence += float((signed.sum(1) / gross).where(gross > 0, 0).sum())
        return inputs, weights.nonzero()[:, 0].cpu().numpy(), synapses, unexplained, coherence / max(len(units), 1)

    @staticmethod
    def _bias(step: Weighted, units: Tensor) -> Tensor:
        if step.bias is None:
            return torch.zeros(len(units), dtype=torch.float64, device=units.device)
        return step.bias.double()[_channel_and_position(step, units)[0]]

    def mean(self, step: Mean, x: Tensor, y: Tensor, wanted: Tensor, policy: Policy) -> Tensor:
        inputs = torch.zeros(len(x), step.size, dtype=torch.bool, device=x.device)
        for image, part, tap in _pool_windows(step, _members(wanted), x.device):
            sign = _sign(y[image].reshape(-1)[part])
            values = x[image].reshape(-1)[tap.clamp(min=0)].double().where(tap >= 0, 0) * sign
            totals = totals_of(values, torch.zeros(len(part), device=x.device), policy)
            inputs[image, tap[select(values, totals, policy)]] = True
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

    def add(self, step: Sum, operands: tuple[Tensor, Tensor], wanted: Tensor, policy: Policy) -> tuple[Tensor, Tensor]:
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
        total = first + second if policy.reference != "positive" else first.clamp(min=0) + second.clamp(min=0)
        first_leads, largest = first >= second, torch.maximum(first, second)
        explained = (total > 0) & (largest > 0)
        enough = largest >= policy.theta * total
        keep_largest = explained if policy.unexplained == "none" else largest > 0
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


def totals_of(signed: Tensor, bias: Tensor, policy: Policy) -> Tensor:
    """Return the reference total of each row of signed contributions ``(m, k)``."""
    match policy.reference:
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


def _chunks(units: Tensor, fan_in: int) -> Iterator[Tensor]:
    if len(units):
        yield from torch.split(units, max(1, _CHUNK // max(fan_in, 1)))


def _channel_and_position(step: Weighted, units: Tensor) -> tuple[Tensor, Tensor]:
    """Return output channel and output position of flat output units."""
    if step.channels_last:
        return units % len(step.weight), units // len(step.weight)
    return units // len(step.taps), units % len(step.taps)


def _receptive_fields(step: Weighted, units: Tensor) -> tuple[Tensor, Tensor]:
    """Return flat input units (-1 for padding) and flat weight elements, both int64 ``(m, k)``."""
    channel, position = _channel_and_position(step, units)
    per_group = step.channels // step.groups
    group = channel // (len(step.weight) // step.groups)
    channels = group[:, None] * per_group + torch.arange(per_group, device=units.device)  # (m, c)
    taps = step.taps.to(units.device).long()[position]  # (m, t)
    channel_stride, position_stride = step.input_strides
    flat = channels[:, :, None] * channel_stride + taps[:, None, :] * position_stride
    flat = flat.masked_fill(taps[:, None, :] < 0, -1).flatten(1)
    weight = channel[:, None] * flat.shape[1] + torch.arange(flat.shape[1], device=units.device)
    return flat, weight


def _pool_windows(step: Pool, wanted: Members, device: torch.device) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield image, wanted units and their taps as flat input units ``(m, t)``, -1 for padding."""
    taps = step.taps.to(device).long()
    for image in range(len(wanted.offsets) - 1):
        for part in _chunks(torch.from_numpy(wanted.one(image)).to(device), taps.shape[1]):
            row, position = part // len(taps), part % len(taps)
            tap = taps[position]
            yield image, part, (tap + row[:, None] * step.positions).masked_fill(tap < 0, -1)
