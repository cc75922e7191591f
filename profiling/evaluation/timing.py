"""Time several runs in turn, so that other load on the machine affects all of them equally."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

import torch

Run = Callable[[], object]
Key = TypeVar("Key")


def in_turn(runs: Mapping[Key, Run], rounds: int, warm_up: int = 0) -> dict[Key, float]:
    """Return the median seconds of each run over all rounds, in each of which every run takes its turn.

    Args:
        warm_up: rounds before these, which are not counted.
    """
    seconds: dict[Key, list[float]] = {key: [] for key in runs}
    for turn in range(warm_up + rounds):
        for key, run in runs.items():
            begin = time.perf_counter()
            run()
            _finish()
            if turn >= warm_up:
                seconds[key].append(time.perf_counter() - begin)
    return {key: median(times) for key, times in seconds.items()}


def _finish() -> None:
    """Wait for what a GPU is still doing."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
