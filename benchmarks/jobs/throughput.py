"""How fast jobs profile images, as a ratio to plain inference of the same images by the same number of processors.

    python benchmarks/jobs/throughput.py --network cifar-resnet20 --data cifar10-jpeg.zip --per-class 600

Plain inference decodes the images as the service does, and runs the captured network on batches of 64 on one thread. A
job's time is that between its first and its last finished part, so that it does not hold the start of the workers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

import pathprint
from pathprint.models.zoo import catalogue
from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.data.roles import profile_images
from pathprint.profiling.progress import Meter, shown_by
from pathprint.profiling.threads import one_thread

_BATCH = 64
_PLAIN = 1024
"""Images of the plain runs."""


@dataclass
class Clock:
    """A listener that notes when each step had how many images done."""

    seen: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    @contextmanager
    def __call__(self, description: str, total: int) -> Iterator[Meter]:
        """Note the progress of a step."""
        yield _Hand(self.seen.setdefault(description, []))

    def rate(self, description: str) -> float:
        """Return the images of a step per second, from its first to its last finished part."""
        marks = [mark for mark in self.seen[description] if mark[1]]
        return sum(count for _, count in marks[1:]) / (marks[-1][0] - marks[0][0])


@dataclass
class _Hand:
    marks: list[tuple[float, int]]

    def advance(self, count: int, bad: int = 0) -> None:
        """Note when images were done."""
        self.marks.append((time.perf_counter(), count))

    def expect(self, total: int) -> None:
        """Note nothing."""


def plain(network: pathprint.Network, dataset: Dataset) -> float:
    """Return the images per second of plain inference on one thread."""
    images = profile_images(dataset)[:_PLAIN]
    with one_thread(), torch.inference_mode():
        network.logits(dataset.pixels(images[:_BATCH], network.preprocessing))
        began = time.perf_counter()
        for start in range(0, len(images), _BATCH):
            network.logits(dataset.pixels(images[start : start + _BATCH], network.preprocessing))
        return len(images) / (time.perf_counter() - began)


def profiled(network: pathprint.Network, given: argparse.Namespace, workers: int) -> Clock:
    """Profile with a number of workers; return when images were done."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, shown_by(clock):
        job = pathprint.Job(pathprint.Workers(given.engine, number=workers), Path(folder) / "run")
        pathprint.profile(
            network, given.data, images_per_class=given.per_class, predicted=given.predicted, any_accuracy=True, job=job
        )
    return clock


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--per-class", type=int, default=600)
    parser.add_argument("--predicted", action="store_true")
    parser.add_argument("--engine", default="local")
    given = parser.parse_args()
    network = catalogue.build(given.network, given.weights)
    found = {"plain, one thread": plain(network, open_dataset(given.data))}
    for workers in (1, 2):
        clock = profiled(network, given, workers)
        found |= {f"{step}, {workers} workers": clock.rate(step) for step in clock.seen}
    found["plain, one thread, again"] = plain(network, open_dataset(given.data))
    print(json.dumps({name: round(rate, 1) for name, rate in found.items()}, indent=2))


if __name__ == "__main__":
    main()
