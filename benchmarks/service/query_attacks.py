"""Measure how early attacks by queries are noticed, and how near other clients come to an alarm.

Example: python benchmarks/service/query_attacks.py ../shared/data

Prints a Markdown table for each data set: the digits, and, if the folder has them, CIFAR-10 and Imagenette. Further
arguments are words of the titles of those that are wanted, such as CIFAR.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import traffic
from numpy.typing import NDArray
from sequences import ATTACKS, queries_of
from torch import Tensor

from pathprint.app.monitoring.looks import SIDE, Look, look_of, tolerance
from pathprint.app.monitoring.query_attacks import Watch
from pathprint.models.zoo import catalogue
from pathprint.profiling.data.datasets import open_dataset

STREAM, SCENES = 1200, 3
WATCH = Watch()
THRESHOLDS = (1, 2, 4, 6, 8, 12, 16, 24, 32)


class Subject(NamedTuple):
    """A network, the data that it is attacked on, the largest change, the images attacked, and queries followed."""

    network: str
    data: str
    weights: str | None
    epsilon: float
    images: int
    budget: int


SUBJECTS = {
    "digits, 8 x 8": Subject("digits-cnn", "digits", None, 0.3, 6, 500),
    "CIFAR-10, 32 x 32": Subject("cifar-resnet20", "cifar10-jpeg.zip", None, 8 / 255, 4, 500),
    "Imagenette, 224 x 224": Subject(
        "torchvision:mobilenet_v2", "imagenette160.zip", "mobilenet_v2-imagenet.safetensors", 8 / 255, 2, 250
    ),
}


def looks(queries: NDArray[np.uint8]) -> Look:
    """Return the look of each query, as the service sees it."""
    return np.stack([look_of(torch.from_numpy(query)[None] / 255) for query in queries])


def most_similar(looks: Look, within: float, window: int = WATCH.window) -> NDArray[np.int64]:
    """Return for each query how many of those in the window before it are within a distance."""
    found, values = [], looks.astype(np.float32)
    for index, look in enumerate(values):
        before = values[max(0, index - window) : index]
        found.append(int((np.sqrt(((before - look) ** 2).sum(1) / SIDE**2) <= within).sum()))
    return np.array(found)


def benign(stream: NDArray[np.uint8], labels: NDArray[np.int64]) -> Iterator[tuple[str, list[NDArray[np.uint8]]]]:
    """Yield kinds of traffic of clients who attack nobody."""
    rng, scenes = np.random.default_rng(0), stream[:SCENES]
    yield "different images", [stream]
    yield "different images, class by class", [stream[np.argsort(labels, kind="stable")]]
    yield "30 forms of one image", [traffic.forms(image) for image in stream[:10]]
    for frames in (30, 60, 300):
        yield f"video, {frames} frames", [traffic.video(image, rng, frames) for image in scenes]
    yield "fixed camera, 100 frames", [traffic.camera(image, rng, 100) for image in scenes]


def attacks(subject: Subject, classify: Callable[[Tensor], Tensor], pixels: Tensor) -> Iterator[tuple[str, list[Look]]]:
    """Yield the looks of the queries of each attack, on a few images."""
    answers = classify(pixels[:100]).argmax(1)
    for name in ATTACKS:
        found = []
        for index in range(subject.images):
            other = int((answers != answers[index]).nonzero()[0])
            pair = (pixels[index], pixels[other])
            found.append(looks(queries_of(name, classify, *pair, index, subject.epsilon, subject.budget)))
        yield name, found


def report(title: str, subject: Subject, folder: Path) -> None:
    """Print what one network's queries give."""
    local = {part: str(folder / part) for part in (subject.data, subject.weights) if part and "." in part}
    network = catalogue.build(subject.network, Path(local[subject.weights]) if subject.weights else None)
    data = open_dataset(local.get(subject.data, subject.data))
    chosen = np.random.default_rng(0).permutation(len(data.labels))[:STREAM]
    pixels = torch.cat([data.pixels(part, network.preprocessing) for part in np.array_split(chosen, 12)])
    stream = (pixels * 255).round().to(torch.uint8).numpy()
    with torch.no_grad():
        seen = {name: [looks(one) for one in many] for name, many in benign(stream, data.labels[chosen])}
        asked = dict(attacks(subject, network.logits, pixels))
    used = tolerance(pixels[:1])
    print(f"\n{title} ({subject.network}); the service uses a distance of {used:.1f}\n")
    print("| distance | " + " | ".join([*seen, *asked]) + " |\n" + "|---" * (1 + len(seen) + len(asked)) + "|")
    for within in sorted({*THRESHOLDS, used}):
        most = [str(max(int(most_similar(one, within).max()) for one in many)) for many in seen.values()]
        print(f"| {within:.1f} | " + " | ".join([*most, *(delay(many, within) for many in asked.values())]) + " |")


def delay(many: list[Look], within: float) -> str:
    """Return after how many queries the attacks are noticed: the median and the latest; ``-`` where never."""
    found = []
    for one in many:
        noticed = np.flatnonzero(most_similar(one, within) >= WATCH.similar)
        found.append(int(noticed[0]) + 1 if len(noticed) else None)
    times = sorted(time if time is not None else sys.maxsize for time in found)
    return " / ".join("-" if time == sys.maxsize else str(time) for time in (times[(len(times) - 1) // 2], times[-1]))


def main(folder: str, *words: str) -> None:
    """Print the tables of the data sets that are there and wanted."""
    torch.set_num_threads(1)
    for title, subject in SUBJECTS.items():
        if words and not any(word in title for word in words):
            continue
        if subject.data == "digits" or (Path(folder) / subject.data).exists():
            report(title, subject, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
