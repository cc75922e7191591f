"""Lay out what the compiled loops read: weights, receptive fields and units, channels last."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pathprint.profiling.compiled.vectors import LANES
from pathprint.profiling.paths.kernels.cpu.choosing import F32, I32
from pathprint.profiling.paths.kernels.cpu.receptive_fields import Layer
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.movement import Movement
from pathprint.profiling.paths.steps.weighted import Weighted

_ABREAST = 160
"""Contributions of a unit, at most, for units to be decided side by side."""
_NOTHING = np.zeros(0, np.int32)


def layer_of(step: Weighted) -> Layer:
    """Return the layer's weights and receptive fields as ``weighted`` reads them."""
    outputs, window = len(step.weight), step.taps.shape[1]
    channels = step.weight[0].numel() // window
    bias = torch.zeros(outputs) if step.bias is None else step.bias
    weight: F32 = step.weight.reshape(outputs, -1).numpy()
    lay_out = _long_rows if channels >= LANES else _short_rows
    buffered, rank, table, inside = lay_out(step, weight, channels)
    abreast = len(rank) <= _ABREAST
    ordered = channels < LANES or window == 1
    sizes = step.channels, channels, int(step.channels_last), int(abreast), int(ordered)
    first = np.arange(outputs, dtype=np.int32) // (outputs // step.groups) * channels
    place = np.empty(weight.shape[1], np.int64)
    place[rank[::-1]] = np.arange(len(rank))[::-1]  # of overlapping entries the first, which has the weight
    channel, tap = np.divmod(np.arange(weight.shape[1]), window)
    return Layer(
        weight=np.ascontiguousarray(buffered).reshape(-1),
        bias=bias.numpy(),
        rank=rank.astype(np.float32),
        place=place.astype(np.int32),
        tap=tap.astype(np.int32),
        channel=channel.astype(np.int32),
        taps=step.taps.numpy(),
        table=table,
        inside=inside,
        first=first,
        sizes=sizes,
    )


_LaidOut = tuple[F32, NDArray[np.int64], I32, NDArray[np.uint16]]


def _long_rows(step: Weighted, weight: F32, channels: int) -> _LaidOut:
    """Fill the buffer tap by tap, the channels of a tap side by side."""
    window, vectors = step.taps.shape[1], -(-channels // LANES)
    starts = np.minimum(LANES * np.arange(vectors), channels - LANES)
    of_row = (starts[:, None] + np.arange(LANES)).reshape(-1)
    repeated = np.arange(len(of_row)) // LANES * LANES > of_row  # also in the vector before
    channel, tap = np.tile(of_row, window), np.repeat(np.arange(window), len(of_row))
    rank = channel * window + tap
    return weight[:, rank] * ~np.tile(repeated, window), rank, _NOTHING, np.zeros(0, np.uint16)


def _short_rows(step: Weighted, weight: F32, channels: int) -> _LaidOut:
    """Fill the buffer in the order of the weights; a table says where the inputs lie."""
    positions, window = step.taps.shape
    size = channels * window
    buffer = -(-size // LANES) * LANES
    taps = step.taps.numpy().astype(np.int64)[:, None, :]
    places = (taps * step.channels + np.arange(channels)[None, :, None]).reshape(positions, size)
    exists = np.broadcast_to(taps >= 0, (positions, channels, window)).reshape(positions, size)
    table = np.zeros((positions, buffer), np.int32)
    table[:, :size] = np.where(exists, places, 0)
    bits = np.zeros((positions, buffer), np.uint16)
    bits[:, :size] = exists
    inside = (bits.reshape(positions, -1, LANES) << np.arange(LANES, dtype=np.uint16)).sum(2, dtype=np.uint16)
    rank = np.minimum(np.arange(buffer), size - 1)
    padded = np.zeros((len(weight), buffer), np.float32)
    padded[:, :size] = weight
    return padded, rank, table.reshape(-1), inside.reshape(-1)


def sources_of_sum(step: Addition) -> tuple[I32, I32]:
    """Return the unit of each operand that each output unit of a sum reads; empty if all are numbered alike."""
    sources = tuple(source.numpy().astype(np.int32) for source in step.sources)
    same = np.arange(len(sources[0]))
    if all(
        size == len(same) and np.array_equal(source, same) for source, size in zip(sources, step.sizes, strict=True)
    ):
        return _NOTHING, _NOTHING
    return sources[0], sources[1]


def sources_of_movement(step: Movement, output: tuple[int, ...], last: bool) -> list[I32 | None]:
    """Return for each input which of its units each output unit came from, both in the order of memory.

    None stands for an input whose units stay in their order.

    Args:
        output: shape of the output for one image.
        last: whether the output's channels lie last in memory.
    """
    order = _order(output, last)
    found = [
        _renumbered(source.numpy()[order], shape, to_last)
        for source, shape, to_last in zip(step.sources, step.shapes, step.channels_last, strict=True)
    ]
    return [
        None if len(source) == prod(shape) and np.array_equal(source, np.arange(len(source))) else source
        for source, shape in zip(found, step.shapes, strict=True)
    ]


def _order(shape: tuple[int, ...], last: bool) -> NDArray[np.int64]:
    """Return the C order numbers of an activation's units in the order of memory."""
    numbers = np.arange(prod(shape))
    return numbers.reshape(shape).transpose(1, 2, 0).reshape(-1) if last else numbers


def _renumbered(source: NDArray[np.int64], shape: tuple[int, ...], last: bool) -> I32:
    order = _order(shape, last)
    place = np.empty(len(order) + 1, np.int64)
    place[order] = np.arange(len(order))
    place[-1] = -1  # what source -1, nowhere, becomes
    return place[source].astype(np.int32)


def in_memory(value: Tensor, last: bool) -> Tensor:
    """Return an activation as ``(n, units)`` in the order of memory; copy it only if it lies otherwise.

    Args:
        last: whether it is ``n c h w`` with the channels last in memory; if not, it is in C order.
    """
    return rows_of(value.permute(0, 2, 3, 1) if last else value)


def rows_of(value: Tensor) -> Tensor:
    """Return an activation as contiguous ``(n, units)``; copy it only if it is not contiguous."""
    return value.reshape(len(value), -1).contiguous()


def as_mask(marks: NDArray[np.uint8], shape: tuple[int, ...], last: bool) -> Tensor:
    """Return marks ``(n, units)`` in the order of memory (see ``in_memory``) as a bool mask of ``shape``.

    Nothing is copied.
    """
    mask = torch.from_numpy(marks).view(torch.bool)
    if not last:
        return mask.reshape(shape)
    n, channels, height, width = shape
    return mask.reshape(n, height, width, channels).permute(0, 3, 1, 2)
