"""The reference kernel: gather contributions, sort, sum, cut. Torch, float64, any device, slow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Indices
from pathprint.profiling.paths.kernels.interface import Walked
from pathprint.profiling.paths.kernels.selecting import chunks, select, sign_of, totals_of, unexplained_of
from pathprint.profiling.paths.kernels.weighing import weighed
from pathprint.profiling.paths.path import LayerPath, Members, Unread
from pathprint.profiling.paths.policy import Policy, Selection
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.attention import Attention
from pathprint.profiling.paths.steps.average import Average
from pathprint.profiling.paths.steps.gathered import Gathered
from pathprint.profiling.paths.steps.maximum import Maximum
from pathprint.profiling.paths.steps.movement import Movement
from pathprint.profiling.paths.steps.pool import Pool
from pathprint.profiling.paths.steps.step import Step
from pathprint.profiling.paths.steps.weighted import Weighted

Shape = tuple[int, ...]


class ReferenceKernel:
    """A ``Kernel`` for any device. Other kernels inherit from it the kinds of steps that they do not do faster."""

    name: str = "reference"
    threads: bool = False

    def weighted(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath, Tensor]:
        neurons = _members(wanted)
        outputs = [None] * len(x) if y is None else y
        images = [_weighted_image(step, x[i], outputs[i], neurons.one(i), selection) for i in range(len(x))]
        inputs, weights, synapses, ids, unexplained, coherence = zip(*images, strict=True)
        layer = LayerPath(
            shape=step.layer,
            neurons=neurons,
            weights=Members.stack(weights, step.weight.numel()),
            synapses=np.array(synapses, dtype=np.int64),
            unexplained=np.array(unexplained, dtype=np.int64),
            coherence=np.array(coherence, dtype=np.float64),
            synapse_ids=Members.stack(ids, step.layer.size("synapses")) if selection.synapses else None,
        )
        return layer, torch.stack(inputs).reshape(x.shape)

    def average(self, step: Average, x: Tensor, y: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
        inputs = torch.zeros(len(x), step.size, dtype=torch.bool, device=x.device)
        flat, outputs = x.reshape(len(x), -1), y.reshape(len(y), -1)
        for image, unit, tap in _pool_windows(step, wanted):
            sign = sign_of(outputs[image, unit])
            values = flat[image[:, None], tap.clamp(min=0)].double().where(tap >= 0, 0) * sign
            totals = totals_of(values, _no_bias(values), selection)
            row, position = select(values, totals, selection).nonzero(as_tuple=True)
            inputs[image[row], tap[row, position]] = True
        return inputs.reshape(x.shape)

    def maximum(self, step: Maximum, x: Tensor, wanted: Tensor) -> Tensor:
        inputs = torch.zeros(len(x), step.size, dtype=torch.bool, device=x.device)
        flat = x.reshape(len(x), -1)
        for image, _, tap in _pool_windows(step, wanted):
            values = flat[image[:, None], tap.clamp(min=0)].where(tap >= 0, -torch.inf)
            largest = values.amax(1, keepdim=True)
            # argmax on a bool tensor is not stable in torch; the first True is the smallest index.
            order = torch.arange(tap.shape[1], device=x.device).expand_as(tap)
            first = order.where(values == largest, tap.shape[1]).amin(1, keepdim=True)
            inputs[image, tap.gather(1, first)[:, 0]] = True
        return inputs.reshape(x.shape)

    def add(
        self, step: Addition, operands: tuple[Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> tuple[Tensor, Tensor]:
        # Two contributions need no sorting: the larger one (the first on a tie) is chosen if it
        # suffices or stands alone, else both are.
        image, unit = wanted.reshape(len(wanted), -1).nonzero(as_tuple=True)
        sources = [source.to(unit.device)[unit] for source in step.sources]
        first, second = (
            operand.reshape(len(operand), -1)[image, source].double() * scale
            for operand, source, scale in zip(operands, sources, step.scales, strict=True)
        )
        sign = sign_of(first + second)[:, 0]
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

    def attend(
        self, step: Attention, parts: tuple[Tensor, Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> Tensor:
        # The contributions to a wanted unit are weight times value, one for each key.
        n = len(wanted)
        weights = parts[0].reshape(n * step.rows * step.queries, step.keys)
        values, outputs = parts[1].reshape(n * step.rows, step.keys, step.width), parts[2].reshape(-1)
        chosen = torch.zeros(values.shape, dtype=torch.bool, device=values.device)
        for unit in chunks(wanted.reshape(-1).nonzero()[:, 0], step.keys):
            query, column = unit // step.width, unit % step.width
            row = query // step.queries
            signed = weights[query].double() * values[row, :, column].double() * sign_of(outputs[unit])
            totals = totals_of(signed, _no_bias(signed), selection)
            taken, key = select(signed, totals, selection).nonzero(as_tuple=True)
            chosen[row[taken], key, column[taken]] = True
        return chosen.reshape(n, -1)

    def gather(self, step: Gathered, x: Tensor, y: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
        inputs = torch.zeros(len(x), x[0].numel(), dtype=torch.bool, device=x.device)
        flat, outputs = x.reshape(len(x), -1), y.reshape(len(y), -1)
        images, units = wanted.reshape(len(wanted), -1).nonzero(as_tuple=True)
        for some in chunks(torch.arange(len(units), device=units.device), step.longest):
            image, unit = images[some], units[some]
            sources, factors = step.terms(unit)
            terms = (flat[image[:, None], sources.clamp(min=0)].double() * factors).where(sources >= 0, 0)
            signed = terms * sign_of(outputs[image, unit])
            chosen = select(signed, totals_of(signed, _no_bias(signed), selection), selection)
            row, place = chosen.nonzero(as_tuple=True)
            inputs[image[row], sources[row, place]] = True
        return inputs

    def move(self, step: Movement, wanted: Tensor) -> tuple[Tensor, ...]:
        image, unit = wanted.reshape(len(wanted), -1).nonzero(as_tuple=True)
        return tuple(
            _scatter(image, source.to(unit.device)[unit], (len(wanted), *shape))
            for source, shape in zip(step.sources, step.shapes, strict=True)
        )

    def keep(self, step: Step, y: Tensor, wanted: Tensor) -> Tensor:
        return wanted & (y != 0)

    def read(self, layers: Sequence[LayerPath | Unread]) -> tuple[LayerPath, ...]:
        return tuple(layer for layer in layers if isinstance(layer, LayerPath))

    def repeated(self, steps: Sequence[Step], policy: Policy, walked: Walked) -> Walked | None:
        return None


def _weighted_image(
    step: Weighted, x: Tensor, y: Tensor | None, units: Indices, selection: Selection
) -> tuple[Tensor, Indices, int, Indices, int, float]:
    """Return one image's inputs (mask), weights, count and numbers of synapses, unexplained units and coherence."""
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
        unexplained += int(unexplained_of(some.signed, totals, selection).sum())
        gross = some.signed.abs().sum(1)
        coherence += float((some.signed.sum(1) / gross).where(gross > 0, 0).sum())
        if selection.synapses:
            row, position = chosen.nonzero(as_tuple=True)
            listed.append((some.units[row] * step.layer.fan_in + position).cpu().numpy())
    used = weights.nonzero()[:, 0].cpu().numpy()
    return inputs, used, synapses, np.concatenate(listed), unexplained, coherence / max(len(units), 1)


def _no_bias(signed: Tensor) -> Tensor:
    return torch.zeros_like(signed[:, 0])


def _members(mask: Tensor) -> Members:
    return Members.of(mask.reshape(len(mask), -1).cpu().numpy())


def _scatter(image: Tensor, unit: Tensor, shape: Shape) -> Tensor:
    """Return a mask of ``shape`` that is true at each ``(image, unit)``, except where the unit is -1."""
    mask = torch.zeros(shape[0], prod(shape[1:]), dtype=torch.bool, device=unit.device)
    inside = unit >= 0
    mask[image[inside], unit[inside]] = True
    return mask.reshape(shape)


def _pool_windows(step: Pool, wanted: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield image and number ``(m,)`` of wanted units, and their taps: flat input units ``(m, t)``, -1 for padding."""
    taps = step.taps.to(wanted.device).long()
    images, units = wanted.reshape(len(wanted), -1).nonzero(as_tuple=True)
    for some in chunks(torch.arange(len(units), device=units.device), taps.shape[1]):
        row, position = units[some] // len(taps), units[some] % len(taps)
        tap = taps[position]
        yield images[some], units[some], (tap + row[:, None] * step.positions).masked_fill(tap < 0, -1)
