"""Lay out what the compiled loops read: weights, receptive fields and units, channels last."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pathprint.profiling.compiled.sorting import ROWS
from pathprint.profiling.compiled.vectors import LANES
from pathprint.profiling.paths.kernels.cpu.choosing import F32, I32
from pathprint.profiling.paths.kernels.cpu.receptive_fields import CUT_OFF, Layer
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.movement import Movement
from pathprint.profiling.paths.steps.weighted import Weighted

_ABREAST = 2 * ROWS
"""Contributions of a unit, at most, for all of them to be sorted."""
_CUT_OFF_AT_MOST = 0.25
"""Share of the positions with rows that are cut off, at most, for lines of taps to be read as rows."""
_NOTHING = np.zeros(0, np.int32)
_NO_BITS = np.zeros(0, np.uint16)


def layer_of(step: Weighted) -> Layer:
    """Return the layer's weights and receptive fields as ``weighted`` reads them."""
    outputs, window = len(step.weight), step.taps.shape[1]
    channels = step.weight[0].numel() // window
    bias = torch.zeros(outputs) if step.bias is None else step.bias
    rows = _rows_of(step, channels)
    weight: F32 = step.weight.reshape(outputs, -1).numpy()
    # A weight's place in the order of the buffer: rows of taps, and at each tap the channels.
    in_rows = np.arange(channels * window).reshape(channels, window).T.reshape(-1)
    short = rows.length < LANES
    rank, there = _padded(channels * window) if short else _by_vectors(in_rows, rows.length)
    buffered = weight[:, rank] * there
    place = np.empty(weight.shape[1], np.int64)
    place[rank[::-1]] = np.arange(len(rank))[::-1]  # of overlapping entries the first, which has the weight
    channel, tap = np.divmod(rank, window)
    table, inside = _table_of(step, channel, tap, there) if short or rows.cut_off else (_NOTHING, _NO_BITS)
    row, column = np.divmod(tap * channels + channel, rows.length)
    return Layer(
        weight=np.ascontiguousarray(buffered, np.float32).reshape(-1),
        bias=bias.numpy(),
        rank=rank.astype(np.float32),
        number=rank.astype(np.int32),
        place=place.astype(np.int32),
        row=row.astype(np.int32),
        column=column.astype(np.int32),
        starts=rows.starts,
        table=table,
        inside=inside,
        first=np.arange(outputs, dtype=np.int32) // (outputs // step.groups) * channels,
        sizes=(
            step.channels,
            rows.length,
            channels * window,
            int(step.channels_last),
            int(len(rank) <= _ABREAST),
            int(short),
        ),
    )


class _Rows(NamedTuple):
    """Rows of a receptive field; see ``Layer.starts``.

    Attributes:
        length: of a row, in numbers.
        cut_off: whether some position has a row that is cut off.
    """

    starts: I32
    length: int
    cut_off: bool


def _rows_of(step: Weighted, channels: int) -> _Rows:
    """Return the rows of a layer: the channels of a tap, or where these are few and not grouped, of a line of taps."""
    taps, width = step.taps.numpy(), step.weight.shape[-1]
    alone = _Rows(taps, channels, cut_off=False)
    lines = taps.reshape(len(taps), -1, width) if step.weight.dim() > 2 and taps.shape[1] % width == 0 else None
    if channels >= LANES or step.groups > 1 or lines is None or width * channels < LANES:
        return alone
    there = (lines >= 0).sum(2)
    whole = (there == width) & (lines == lines[..., :1] + np.arange(width)).all(2)
    cut_off = ~(whole | (there == 0)).all(1)
    if cut_off.mean() > _CUT_OFF_AT_MOST:
        return alone
    starts = np.where(cut_off[:, None], np.int32(CUT_OFF), lines[..., 0])
    return _Rows(np.ascontiguousarray(starts, np.int32), width * channels, bool(cut_off.any()))


def _by_vectors(in_rows: NDArray[np.int64], length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the ranks of rows of at least a vector, as vectors read them, and whether each is read for the first time.

    The last vector of a row starts early enough to end with it.
    """
    starts = np.minimum(LANES * np.arange(-(-length // LANES)), length - LANES)
    of_row = (starts[:, None] + np.arange(LANES)).reshape(-1)
    first = np.arange(len(of_row)) // LANES * LANES <= of_row
    rows = in_rows.reshape(-1, length)
    return rows[:, of_row].reshape(-1), np.tile(first, len(rows))


def _padded(size: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return ``size`` ranks in order, the last one repeated up to whole vectors, and whether each is the first."""
    entries = np.arange(-(-size // LANES) * LANES)
    return np.minimum(entries, size - 1), entries < size


def _table_of(
    step: Weighted, channel: NDArray[np.int64], tap: NDArray[np.int64], there: NDArray[np.bool_]
) -> tuple[I32, NDArray[np.uint16]]:
    """Return ``Layer.table`` and ``Layer.inside`` for the channel and tap of each entry that is ``there``."""
    taps = step.taps.numpy().astype(np.int64)[:, tap]
    exists = (taps >= 0) & there
    table = np.where(exists, taps * step.channels + channel, 0).astype(np.int32)
    bits = exists.astype(np.uint16).reshape(len(taps), -1, LANES) << np.arange(LANES, dtype=np.uint16)
    return table.reshape(-1), bits.sum(2, dtype=np.uint16).reshape(-1)


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
