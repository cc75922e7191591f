"""Plain inference in every way known here, the fastest of which a detection is compared with.

How fast a network runs depends on the memory layout, on how many images it takes at a time, and on whether threads
work on one image together or on images of their own. Which way is the fastest differs between networks, batches and
processors, so all are tried where a detection is timed. Besides the user's module the canonical graph is tried, which
is often faster: it is what paths are extracted from.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pathprint.models.capture.returned import logits_of
from pathprint.models.network import Network
from pathprint.profiling.evaluation.timing import Run, in_turn
from pathprint.profiling.threads import on_one_thread_each

Ran = Literal["module", "graph"]
Layout = Literal["contiguous", "channels-last"]
_LAYOUTS: Mapping[Layout, torch.memory_format] = MappingProxyType(
    {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
)
_SCREENING = 5
"""Rounds in which all ways are timed."""
_FINALISTS = 4
"""How many of the fastest ways are timed in turn with the detections."""
_TOLERANCE = 1e-3
_TOLERANCE_ON_GPU = 1e-2
"""How far logits may differ, as a share of the largest one. On a GPU torch rounds convolutions to TF32."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a plain inference of a batch.

    Attributes:
        ran: the user's module, or the canonical graph.
        layout: the memory layout of inputs and, in the module, of weights.
        chunk: images of one call.
        split: whether each thread works on a share of the images alone; otherwise all threads work on each call.
    """

    ran: Ran
    layout: Layout
    chunk: int
    split: bool

    @property
    def name(self) -> str:
        """The way in words, such as ``graph, channels-last, 8 at a time``."""
        return f"{self.ran}, {self.layout}, {self.chunk} at a time{', each thread alone' if self.split else ''}"


@dataclass(frozen=True, slots=True)
class TimedWay:
    """A way, and the milliseconds per image that it takes: the median of ``rounds`` rounds."""

    way: Way
    ms: float
    rounds: int

    def to_dict(self) -> dict[str, Any]:
        """Return the way, its name and its time as JSON-able data."""
        return {"name": self.way.name, **asdict(self.way), "ms": self.ms, "rounds": self.rounds}


@dataclass(frozen=True)
class Screening:
    """All ways, timed briefly.

    Attributes:
        images: images of the batch.
        seconds: what each way took, the median of a few rounds.
        finalists: the fastest ways and those of the module as it was given, to be timed for longer.
        left_out: why a way cannot be compared, by its name: it fails, or it returns other logits.
    """

    images: int
    seconds: Mapping[Way, float]
    finalists: Mapping[Way, Run]
    left_out: Mapping[str, str]

    def timed(self, ms: Mapping[str, float], rounds: int) -> tuple[TimedWay, ...]:
        """Return all ways; those that were timed for longer come first, and the fastest of them before all others.

        Args:
            ms: milliseconds per image of each finalist, by name, over ``rounds`` rounds.
        """
        longer = [TimedWay(way, ms[way.name], rounds) for way in self.finalists]
        others = [way for way in self.seconds if way not in self.finalists]
        briefly = [TimedWay(way, 1e3 * self.seconds[way] / self.images, _SCREENING) for way in others]
        return tuple(found for some in (longer, briefly) for found in sorted(some, key=lambda timed: timed.ms))


def screened(network: Network, module: nn.Module, x: Tensor) -> Screening:
    """Run a plain inference of network inputs ``n c h w`` in all ways, and time those that return the same logits."""
    threads = torch.get_num_threads() if x.device.type == "cpu" else 1
    tried = _runs(network, module, x, all_ways(len(x), threads))
    runs, left_out = _comparable(tried)
    seconds = in_turn(runs, _SCREENING)
    fastest = sorted(seconds, key=seconds.__getitem__)[:_FINALISTS]
    given = [way for way in runs if is_as_given(way, len(x))]
    return Screening(len(x), seconds, {way: runs[way] for way in dict.fromkeys([*fastest, *given])}, left_out)


def is_as_given(way: Way, images: int) -> bool:
    """Say whether a way runs the module on the whole batch in one call, in either memory layout."""
    return way.ran == "module" and way.chunk == images and not way.split


def all_ways(images: int, threads: int) -> tuple[Way, ...]:
    """Return every way to run a batch of ``images``, the module as it was given before all others."""
    sizes = [(chunk, False) for chunk in _chunks(images)]
    if threads > 1 and images > 1:
        sizes += [(chunk, True) for chunk in _chunks(-(-images // threads))]
    return tuple(
        Way(ran, layout, chunk, split) for ran in ("module", "graph") for layout in _LAYOUTS for chunk, split in sizes
    )


def _chunks(images: int) -> tuple[int, ...]:
    """Return how many images a call may take: all of them, and every power of two below that."""
    return (images, *(1 << power for power in reversed(range((images - 1).bit_length()))))


def _runs(network: Network, module: nn.Module, x: Tensor, ways: tuple[Way, ...]) -> dict[Way, Callable[[], Tensor]]:
    """Return what runs each way and returns the logits."""
    forms: dict[tuple[Ran, Layout], Callable[[Tensor], Any]] = {}
    for layout, memory in _LAYOUTS.items():
        forms["module", layout] = copy.deepcopy(module).to(memory_format=memory)
        forms["graph", layout] = replace(network.graph, layout=memory).run
    inputs = {layout: x.contiguous(memory_format=memory) for layout, memory in _LAYOUTS.items()}
    return {way: _run(way, forms[way.ran, way.layout], inputs[way.layout]) for way in ways}


def _run(way: Way, called: Callable[[Tensor], Any], x: Tensor) -> Callable[[], Tensor]:
    def inference(images: Tensor) -> Tensor:
        with torch.inference_mode():  # holds for one thread only
            return torch.cat([logits_of(called(part)) for part in torch.split(images, way.chunk)])

    if not way.split:
        return lambda: inference(x)
    shares = torch.split(x, -(-len(x) // torch.get_num_threads()))
    return lambda: torch.cat(on_one_thread_each(inference, shares))


def _comparable(tried: Mapping[Way, Callable[[], Tensor]]) -> tuple[dict[Way, Run], dict[str, str]]:
    """Return the runs that return the logits of the first one, and why others are left out, by name."""
    expected, left_out = next(iter(tried.values()))(), dict[str, str]()
    for way, run in tried.items():
        problem = _problem(run, expected)
        if problem:
            left_out[way.name] = problem
    return {way: run for way, run in tried.items() if way.name not in left_out}, left_out


def _problem(run: Callable[[], Tensor], expected: Tensor) -> str:
    """Return why a run cannot be compared with others; an empty text if it can."""
    try:
        found = run()
    except Exception as error:  # a user's code may raise anything, for instance on memory in another layout
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    # A softmax at the end of a module is left out of its graph.
    if any(_same(ending, expected) for ending in (found, found.softmax(-1), found.log_softmax(-1))):
        return ""
    return "it returns other logits than the module does for the whole batch"


def _same(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    tolerance = _TOLERANCE if expected.device.type == "cpu" else _TOLERANCE_ON_GPU
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())
