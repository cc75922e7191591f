"""The compiled CPU kernel: channels-last rows, one pass per wanted unit, images on threads.

The compiled functions release the GIL, so a plain thread pool spreads the images of a batch; each
image is walked by one thread in a fixed order, so the answer does not depend on the threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from profiling.paths.geometry import Maximum, Mean, Weighted
from profiling.paths.kernels.compiled import F32, I32, I64, maximum_image, mean_image, weighted_image
from profiling.paths.kernels.interface import Choice
from profiling.paths.path import Members
from profiling.paths.policy import Policy

_REFERENCES = {"sum": 0, "output": 1, "positive": 2}


class CpuKernel:
    """See ``Kernel``."""

    name = "cpu"

    def weighted(self, step: Weighted, x: Tensor, y: Tensor, wanted: Members, policy: Policy) -> Choice:
        rows = _channels_last(x, step)
        weight, bias, taps, ranks = _prepared(step)
        signs = y.numpy().reshape(len(y), -1)
        inputs = np.zeros((len(x), step.size), dtype=np.uint8)
        options = (policy.theta, _REFERENCES[policy.reference], policy.unexplained == "argmax")
        strides = (*step.input_strides, *step.output_strides)

        def image(i: int) -> tuple[I64, int, int, float]:
            used = np.zeros(step.weight.numel(), dtype=np.uint8)
            synapses, unexplained, coherence = weighted_image(
                rows[i],
                weight,
                bias,
                taps,
                ranks,
                step.groups,
                strides,
                signs[i],
                wanted.one(i),
                options,
                inputs[i],
                used,
            )
            return np.flatnonzero(used), synapses, unexplained, coherence

        weights, synapses, unexplained, coherence = zip(*_each(image, len(x)), strict=True)
        offsets = np.concatenate([[0], np.cumsum([len(w) for w in weights])]).astype(np.int64)
        return Choice(
            torch.from_numpy(inputs).view(torch.bool),
            Members(offsets, np.concatenate(weights), step.weight.numel()),
            np.array(synapses, dtype=np.int64),
            np.array(unexplained, dtype=np.int64),
            np.array(coherence, dtype=np.float64),
        )

    def mean(self, step: Mean, x: Tensor, y: Tensor, wanted: Members, policy: Policy) -> Tensor:
        values, taps = x.reshape(len(x), -1).contiguous().numpy(), step.taps.numpy()
        outputs = y.reshape(len(y), -1).contiguous().numpy()
        inputs = np.zeros((len(x), step.size), dtype=np.uint8)
        options = (policy.theta, _REFERENCES[policy.reference], policy.unexplained == "argmax")
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


def _channels_last(x: Tensor, step: Weighted) -> F32:
    """Return activations as ``(n, positions, channels)``, so that a receptive field is a few rows."""
    if step.channels_last:
        rows = x.reshape(len(x), step.positions, step.channels)
    else:
        # Collapse before moving the axis: for channels-last memory this copies nothing.
        rows = x.movedim(1, -1).reshape(len(x), step.positions, step.channels)
    array: F32 = rows.contiguous().numpy()
    return array


def _prepared(step: Weighted) -> tuple[F32, F32, I32, I64]:
    """Return the weight as ``(o, t, c)``, the bias, the taps, and the tie rank of each ``(t, c)``."""
    outputs = len(step.weight)
    flat = step.weight.reshape(outputs, -1, step.taps.shape[1])
    bias = torch.zeros(outputs) if step.bias is None else step.bias
    ranks = torch.arange(flat.shape[1] * flat.shape[2]).reshape(flat.shape[1:]).T
    weight = flat.transpose(1, 2).contiguous().numpy()
    return weight, bias.numpy(), step.taps.numpy(), ranks.contiguous().numpy().reshape(-1)
