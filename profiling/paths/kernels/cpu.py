"""The compiled CPU kernel: channels-last rows, one pass per wanted unit, images on threads.

The compiled functions release the GIL, so a plain thread pool spreads the images of a batch; each
image is walked by one thread in a fixed order, so the answer does not depend on the threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profiling.paths.geometry import Maximum, Mean, Weighted
from profiling.paths.kernels.compiled import F32, I32, I64, maximum_image, mean_image, weighted_image
from profiling.paths.kernels.interface import Choice
from profiling.paths.kernels.listing import members
from profiling.paths.kernels.reference import ReferenceKernel
from profiling.paths.path import Members
from profiling.paths.policy import Selection

_REFERENCES = {"sum": 0, "output": 1, "positive": 2}


@dataclass(frozen=True, slots=True)
class Ready:
    """What a layer needs in every batch, laid out for the compiled loops.

    Attributes:
        weight: flat ``(o, t, c)``, as the channels of a tap lie side by side in the activations.
        numbers: position in one output's weight of each entry ``(t, c)``.
        sizes: output channels, output channels and input channels of one group.
    """

    weight: F32
    bias: F32
    taps: I32
    numbers: I64
    sizes: tuple[int, int, int]

    @staticmethod
    def of(step: Weighted) -> Ready:
        outputs, taps = len(step.weight), step.taps.shape[1]
        by_channel = step.weight.reshape(outputs, -1, taps)
        bias = torch.zeros(outputs) if step.bias is None else step.bias
        channels = by_channel.shape[1]
        numbers = torch.arange(channels * taps).reshape(channels, taps).T.reshape(-1)
        return Ready(
            by_channel.transpose(1, 2).contiguous().numpy().reshape(-1),
            bias.numpy(),
            step.taps.numpy(),
            numbers.numpy(),
            (outputs, outputs // step.groups, channels),
        )


class CpuKernel:
    """See ``Kernel``."""

    name = "cpu"

    def __init__(self) -> None:
        self._prepared: WeakKeyDictionary[Weighted, Ready] = WeakKeyDictionary()

    def _ready(self, step: Weighted) -> Ready:
        ready = self._prepared.get(step)
        if ready is None:
            ready = self._prepared[step] = Ready.of(step)
        return ready

    def weighted(self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Members, selection: Selection) -> Choice:
        if selection.phi is not None or selection.synapses:
            # Absolute selection and the listing of synapses are not compiled.
            return ReferenceKernel().weighted(step, x, y, wanted, selection)
        rows = _channels_last(x, step)
        values, y_strides = _as_stored(y, step, len(x))
        ready = self._ready(step)
        strides = (step.output_strides[0], *y_strides)
        inputs = np.zeros((len(x), step.size), dtype=np.uint8)
        options = _options(selection)

        def image(i: int) -> tuple[I64, int, int, float]:
            used = np.zeros(step.weight.numel(), dtype=np.uint8)
            counts = weighted_image(
                rows[i],
                ready.weight,
                ready.bias,
                ready.taps,
                ready.sizes,
                strides,
                values[i],
                wanted.one(i),
                options,
                inputs[i],
                used,
            )
            return (members(used, len(ready.numbers), ready.numbers, len(ready.numbers)), *counts)

        weights, synapses, unexplained, coherence = zip(*_each(image, len(x)), strict=True)
        return Choice(
            _as_mask(inputs, x, step),
            _joined(weights, step.weight.numel()),
            np.array(synapses, dtype=np.int64),
            np.array(unexplained, dtype=np.int64),
            np.array(coherence, dtype=np.float64),
        )

    def members(self, mask: Tensor) -> Members:
        size, channels = mask[0].numel(), mask.shape[1]
        if _is_channels_last(mask):
            rows = mask.movedim(1, -1).reshape(len(mask), -1)
            columns, numbers, stride = channels, np.arange(channels) * (size // channels), 1
        else:
            rows, columns, numbers, stride = mask.reshape(len(mask), -1), 1, np.zeros(1, dtype=np.int64), 1
        stored = rows.view(torch.uint8).numpy()
        return _joined(_each(lambda i: members(stored[i], columns, numbers, stride), len(mask)), size)

    def mean(self, step: Mean, x: Tensor, y: Tensor, wanted: Members, selection: Selection) -> Tensor:
        values, taps = x.reshape(len(x), -1).contiguous().numpy(), step.taps.numpy()
        outputs = y.reshape(len(y), -1).contiguous().numpy()
        inputs = np.zeros((len(x), step.size), dtype=np.uint8)
        options = _options(selection)
        _each(
            lambda i: mean_image(values[i], taps, step.positions, outputs[i], wanted.one(i), options, inputs[i]), len(x)
        )
        return torch.from_numpy(inputs).view(torch.bool)

    def maximum(self, step: Maximum, x: Tensor, wanted: Members) -> Tensor:
        values, taps = x.reshape(len(x), -1).contiguous().numpy(), step.taps.numpy()
        inputs = np.zeros((len(x), step.size), dtype=np.uint8)
        _each(lambda i: maximum_image(values[i], taps, step.positions, wanted.one(i), inputs[i]), len(x))
        return torch.from_numpy(inputs).view(torch.bool)


def _each(work: Callable[[int], Any], images: int) -> list[Any]:
    """Run ``work`` on every image, on as many threads as torch may use."""
    threads = torch.get_num_threads()
    if threads == 1 or images == 1:
        return [work(i) for i in range(images)]
    return list(_pool(threads).map(work, range(images)))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="pathprint-kernel")


def _options(selection: Selection) -> tuple[float, int, bool]:
    return float(selection.theta), _REFERENCES[selection.reference], selection.unexplained == "argmax"


def _joined(parts: Sequence[I64], size: int) -> Members:
    """Return the sets of one image each as the sets of a batch."""
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return Members(offsets, np.concatenate(parts), size)


def _channels_last(x: Tensor, step: Weighted) -> F32:
    """Return activations as ``(n, positions * channels)``: a receptive field is then a few rows."""
    if not step.channels_last:
        x = x.movedim(1, -1)  # where memory is channels-last already, nothing is copied below
    array: F32 = x.reshape(len(x), -1).numpy()
    return array


def _as_mask(inputs: NDArray[np.uint8], x: Tensor, step: Weighted) -> Tensor:
    """Return marks ``(n, positions, channels)`` as a mask of the shape of ``x``, without copying."""
    marks = torch.from_numpy(inputs).view(torch.bool)
    if step.channels_last:
        return marks.reshape(x.shape)
    return marks.reshape(len(x), *x.shape[2:], x.shape[1]).movedim(-1, 1)


def _is_channels_last(value: Tensor) -> bool:
    return value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last)


def _as_stored(y: Tensor | None, step: Weighted, images: int) -> tuple[F32, tuple[int, int]]:
    """Return outputs ``(n, units)`` without copying, and the strides of channels and positions.

    ``(n, 0)`` stands for outputs that are all positive.
    """
    if y is None:
        return np.zeros((images, 0), dtype=np.float32), (0, 0)
    if not step.channels_last and _is_channels_last(y):
        return y.movedim(1, -1).reshape(len(y), -1).numpy(), (1, len(step.weight))
    return y.reshape(len(y), -1).numpy(), step.output_strides
