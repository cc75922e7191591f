"""Time the choosing functions, layer by layer, with the work cut in several ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels.gpu import kernel, tiles
from pathprint.profiling.paths.policy import Policy

VARIANTS: dict[str, dict[str, int]] = {
    "as it is": {},
    "10 a thread": {"PER_THREAD": 10},
    "short to 16": {"SHORT": 16},
}
WALKS = 3


class Noting(kernel.GpuKernel):
    """The kernel, which remembers how long each layer's receptive fields are."""

    def __init__(self) -> None:
        super().__init__()
        self.fan_ins: list[int] = []

    def _weighted_layer(self, step: Any) -> Any:
        self.fan_ins.append(step.layer.fan_in)
        return super()._weighted_layer(step)

    def _average_layer(self, step: Any) -> Any:
        self.fan_ins.append(step.taps.shape[1])
        return super()._average_layer(step)


@contextmanager
def cut(variant: str) -> Iterator[None]:
    """Cut the work as ``variant`` says."""
    before = {name: getattr(tiles, name) for name in VARIANTS[variant]}
    for name, value in VARIANTS[variant].items():
        setattr(tiles, name, value)
    yield
    for name, value in before.items():
        setattr(tiles, name, value)


def microseconds(network: Network, pixels: Tensor, variant: str) -> list[tuple[int, float]]:
    """Return the length of receptive fields, and the time of choosing for a batch, of each layer in a walk's order."""
    with cut(variant):
        own = Noting()
        extractor = Extractor(network, Policy(), own)
        extractor.extract(pixels)
        own.fan_ins.clear()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
            for _ in range(WALKS):
                extractor.extract(pixels)
            torch.cuda.synchronize()
    chosen = sorted((e for e in seen.events() if e.name == "choose"), key=lambda e: e.time_range.start)
    layers = len(chosen) // WALKS
    taken = [[e.time_range.elapsed_us() for e in chosen[layer::layers]] for layer in range(layers)]
    return [(fan_in, min(some)) for fan_in, some in zip(own.fan_ins, taken, strict=False)]


def compared(network: Network, pixels: Tensor, say: Callable[[str], None]) -> str:
    """Return a table of all variants; ``say`` is told of each before it is compiled and timed."""
    found = {}
    for variant in VARIANTS:
        say(f"variant: {variant} ...")
        found[variant] = microseconds(network, pixels, variant)
        say(f"variant: {variant}: {sum(taken for _, taken in found[variant]) / 1e3:.2f} ms of choosing")
    lines = [" " * 12 + "".join(f"{variant:>14s}" for variant in found)]
    lines += [
        f"{row[0][0]:12d}" + "".join(f"{taken:14.0f}" for _, taken in row) for row in zip(*found.values(), strict=False)
    ]
    sums = [sum(taken for _, taken in column) / 1e3 for column in found.values()]
    return "\n".join([*lines, "milliseconds" + "".join(f"{total:14.2f}" for total in sums)])
