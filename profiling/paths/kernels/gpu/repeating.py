"""Record what a walk starts on the device once, and start all of it at once for every later batch of the same shape.

A walk through a network starts hundreds of functions that take microseconds each: starting them one by one takes
longer than they do. CUDA calls such a recording a graph.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pathprint.profiling.paths.path import LayerPath, Unread, Walk

_BEFORE = 2
"""Batches of a shape that are walked in the ordinary way before one is recorded."""
_KEPT = 4
"""Recordings that are kept: those of the shapes that came last."""


class _Recorded(NamedTuple):
    """A recorded walk: it reads its network inputs from ``x``, and leaves its results in ``walk``."""

    graph: torch.cuda.CUDAGraph
    x: Tensor
    walk: Walk


class Repeated:
    """A walk that is recorded for shapes of network inputs that come often. Several threads may call it."""

    def __init__(self, walked: Callable[[Tensor], Walk]) -> None:
        self._walked = walked
        self._lock = Lock()
        self._seen: dict[torch.Size, int] = {}
        self._recorded: dict[torch.Size, _Recorded] = {}
        self._pool: Any = None  # results are copied at once, so all recordings share their memory

    def __call__(self, x: Tensor) -> Walk:
        """Return the walk of network inputs ``n c h w``; its tensors belong to the caller."""
        with self._lock, torch.inference_mode(), torch.cuda.device(x.device):
            recorded = self._recorded.pop(x.shape, None) or self._record(x)
            if recorded is None:
                return self._walked(x)
            self._recorded[x.shape] = recorded
            if len(self._recorded) > _KEPT:
                del self._recorded[next(iter(self._recorded))]
            recorded.x.copy_(x)
            recorded.graph.replay()
            return _copied(recorded.walk)

    def _record(self, x: Tensor) -> _Recorded | None:
        """Record the walk of ``x``; return None if its shape is not to be recorded yet, or cannot be."""
        seen = self._seen[x.shape] = self._seen.get(x.shape, 0) + 1
        if seen <= _BEFORE or seen > _BEFORE + 1:
            return None
        try:
            return self._captured(x.clone())
        except RuntimeError as error:  # out of memory, or a call that cannot be recorded
            warnings.warn(f"a walk could not be recorded ({error}); it stays slower.", RuntimeWarning, stacklevel=4)
            return None

    def _captured(self, x: Tensor) -> _Recorded:
        # What is made when it is first needed must not become part of the recording.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._walked(x)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            walk = self._walked(x)
        self._pool = graph.pool()
        return _Recorded(graph, x, walk)


def _copied(walk: Walk) -> Walk:
    """Return a copy of a walk, whose marks lie one after the other."""
    unread = [layer for layer in walk.layers if isinstance(layer, Unread)]
    marks = [part.view(torch.uint8) for layer in unread for part in (layer.neurons, layer.weights)]
    together = torch.cat([part.reshape(-1) for part in marks])
    parts = iter(torch.split(together, [part.numel() for part in marks]))
    sums = torch.stack([layer.sums for layer in unread]).unbind()
    layers: list[LayerPath | Unread] = [
        Unread(layer.shape, next(parts).view(layer.neurons.shape), next(parts).view(layer.weights.shape), own)
        for layer, own in zip(unread, sums, strict=True)
    ]
    averages = tuple(average.clone() for average in walk.averages)
    return Walk(walk.logits.clone(), walk.seeds.clone(), tuple(layers), averages)
