"""The compiled CPU kernel: channels-last rows, sixteen contributions at a time.

Its functions release the GIL and use one thread, so images can be walked on several threads. Each
image is walked by one thread in a fixed order, so its path does not depend on what else runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pathprint.models.graph import channels_last
from pathprint.profiling.arrays import Indices
from pathprint.profiling.compiled.vectors import FEW_MARKS, LANES
from pathprint.profiling.paths.kernels.cpu import attending, passing
from pathprint.profiling.paths.kernels.cpu.choosing import F32, Options
from pathprint.profiling.paths.kernels.cpu.layout import (
    as_mask,
    in_memory,
    layer_of,
    rows_of,
    sources_of_movement,
    sources_of_sum,
)
from pathprint.profiling.paths.kernels.cpu.room import Room
from pathprint.profiling.paths.kernels.cpu.scratch import scratch
from pathprint.profiling.paths.kernels.cpu.weighted import weighted
from pathprint.profiling.paths.kernels.reference import ReferenceKernel
from pathprint.profiling.paths.path import LayerPath, Members
from pathprint.profiling.paths.policy import Selection
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.attention import Attention
from pathprint.profiling.paths.steps.average import Average
from pathprint.profiling.paths.steps.maximum import Maximum
from pathprint.profiling.paths.steps.movement import Movement
from pathprint.profiling.paths.steps.pool import Pool
from pathprint.profiling.paths.steps.step import Step
from pathprint.profiling.paths.steps.weighted import Weighted

U8 = NDArray[np.uint8]
_UNSIGNED: F32 = np.zeros((1, 0), dtype=np.float32)
"""Stands for the values of outputs that are all positive."""
_REFERENCES = {"sum": 0, "output": 1, "positive": 2}


class CpuKernel(ReferenceKernel):
    """A ``Kernel`` compiled by numba; it inherits gathered sums and elementwise functions."""

    name = "cpu"
    threads = True

    def __init__(self) -> None:
        self._prepared: WeakKeyDictionary[Step, Any] = WeakKeyDictionary()
        self._room = Room()

    def _once(self, step: Step, prepare: Callable[[], Any]) -> Any:
        """Return what ``prepare`` returned for this step when it was first asked for."""
        prepared = self._prepared.get(step)
        if prepared is None:
            prepared = self._prepared[step] = prepare()
        return prepared

    def weighted(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath, Tensor]:
        layer, inputs, _ = self._weighted(step, x, y, wanted, selection, 0)
        if not selection.synapses:
            return layer, inputs
        # How long the list will be is known only now.
        offsets = np.concatenate([[0], np.cumsum(layer.synapses)])
        _, _, listed = self._weighted(step, x, y, wanted, selection, int(offsets[-1]))
        return replace(layer, synapse_ids=Members(offsets, listed, step.layer.size("synapses"))), inputs

    def _weighted(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection, synapses: int
    ) -> tuple[LayerPath, Tensor, Indices]:
        """Return the path, the chosen inputs, and the chosen synapses if there is room for ``synapses`` of them."""
        layer = self._once(step, lambda: layer_of(step))
        n, weights = len(x), step.weight.numel()
        rows, mask = _rows(x, step), _marks(_rows(wanted, step))
        signs = _UNSIGNED if y is None else _rows(y, step).numpy()
        inputs = np.zeros((n, step.size), dtype=np.uint8)
        buffers = scratch(self._room, len(layer.rank), weights, synapses)
        # As long as can be needed: the system provides memory only where something is written.
        neurons = self._room.take("neurons", mask.size + FEW_MARKS, np.int64)
        used = self._room.take("elements", n * weights + FEW_MARKS, np.int64)
        found = neurons, np.zeros(n + 1, np.int64), used, np.zeros(n + 1, np.int64)
        counts = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.float64)
        weighted(rows.numpy(), layer, signs, mask, _options(selection), buffers, inputs, found, counts)
        units = Members(found[1], neurons[: found[1][-1]].copy(), mask.shape[1])
        elements = Members(found[3], used[: found[3][-1]].copy(), weights)
        return LayerPath(step.layer, units, elements, *counts), _as_inputs(inputs, x, step), buffers.listed

    def average(self, step: Average, x: Tensor, y: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
        values, outputs, mask, strides = _pool(step, x, y, wanted)
        window = step.taps.shape[1]
        size = window + -window % LANES
        scratch = (
            np.zeros(size, np.float32),
            np.empty(size, np.int64),
            np.arange(size, dtype=np.float32),
            np.arange(size, dtype=np.int32),
        )
        chosen = passing.average(values, step.taps.numpy(), strides, outputs, mask, _options(selection), scratch)
        return _pooled(step, chosen, x)

    def maximum(self, step: Maximum, x: Tensor, wanted: Tensor) -> Tensor:
        values, _, mask, strides = _pool(step, x, wanted, wanted)
        return _pooled(step, passing.maximum(values, step.taps.numpy(), strides, mask), x)

    def add(
        self, step: Addition, operands: tuple[Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> tuple[Tensor, Tensor]:
        sources = self._once(step, lambda: sources_of_sum(step))
        a, b = operands
        alike = len(sources[0]) == 0
        last = alike and channels_last(a)
        mask = _marks(in_memory(wanted, last))
        values = in_memory(a, last).numpy(), in_memory(b, last).numpy()
        one, two = passing.add(values, sources, step.scales, mask, _options(selection))
        return as_mask(one, tuple(a.shape), last), as_mask(two, tuple(b.shape), last)

    def attend(
        self, step: Attention, parts: tuple[Tensor, Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> Tensor:
        flat = [part.reshape(len(wanted), -1).contiguous().numpy() for part in parts]
        sizes, buffers = (step.queries, step.keys, step.width), attending.buffers_for(step.keys, step.width)
        mask = _marks(rows_of(wanted))
        chosen = attending.attend((flat[0], flat[1], flat[2]), mask, sizes, _options(selection), buffers)
        return torch.from_numpy(chosen).view(torch.bool)

    def move(self, step: Movement, wanted: Tensor) -> tuple[Tensor, ...]:
        last = channels_last(wanted)
        prepared = self._once(step, dict)
        if last not in prepared:
            prepared[last] = sources_of_movement(step, tuple(wanted.shape[1:]), last)
        marks = _marks(in_memory(wanted, last))
        return tuple(
            as_mask(
                marks if source is None else passing.move(source, marks, prod(shape)), (len(wanted), *shape), to_last
            )
            for source, shape, to_last in zip(prepared[last], step.shapes, step.channels_last, strict=True)
        )


def _options(selection: Selection) -> Options:
    return Options(
        theta=float(selection.theta),
        reference=_REFERENCES[selection.reference],
        keep_largest=selection.unexplained == "argmax",
        phi=selection.phi or 0.0,
    )


def _marks(mask: Tensor) -> U8:
    """Return a bool mask as zeros and ones, without copying."""
    marks: U8 = mask.view(torch.uint8).numpy()
    return marks


def _rows(value: Tensor, step: Weighted) -> Tensor:
    """Return activations or a mask as ``(n, positions * channels)``."""
    return rows_of(value if step.channels_last else value.movedim(1, -1))


def _as_inputs(inputs: U8, x: Tensor, step: Weighted) -> Tensor:
    """Return marks ``(n, positions * channels)`` as a mask of the shape of ``x``, without copying."""
    marks = torch.from_numpy(inputs).view(torch.bool)
    if step.channels_last:
        return marks.reshape(x.shape)
    return marks.reshape(len(x), *x.shape[2:], x.shape[1]).movedim(-1, 1)


def _channels_last(step: Pool, x: Tensor) -> bool:
    """Say whether the rows of a pool are the channels of images, which lie side by side in memory."""
    return x.dim() == 4 and step.rows == x.shape[1]


def _pool(step: Pool, x: Tensor, y: Tensor, wanted: Tensor) -> tuple[F32, NDArray[Any], U8, tuple[int, int, int]]:
    """Return inputs, outputs and wanted outputs of a pool, and its strides (see ``passing.average``)."""
    last = _channels_last(step, x)
    strides = (step.rows, 1, step.rows) if last else (step.rows, step.positions, 1)
    # A mean over all positions has two axes, and then one order only.
    outputs, mask = (in_memory(value, last and value.dim() == 4) for value in (y, wanted))
    return in_memory(x, last).numpy(), outputs.numpy(), _marks(mask), strides


def _pooled(step: Pool, chosen: U8, x: Tensor) -> Tensor:
    return as_mask(chosen, tuple(x.shape), _channels_last(step, x))
