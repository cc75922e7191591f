"""The first stage of a job on labelled images: decode each once, to know it again and to find those that are bad.

Which images are one picture, and so which may be profiled and which may be tested on, can be said only when all have
been seen. If a network is given it answers them at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pathprint.models.network import Network
from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.identity import Keys64, as_keys, identity
from pathprint.profiling.errors import DataError
from pathprint.profiling.jobs.bad_images import check_bad
from pathprint.profiling.jobs.engines.engine import Engine
from pathprint.profiling.jobs.run import Run
from pathprint.profiling.jobs.sources import ImageSource, NetworkSource
from pathprint.profiling.jobs.stage import Stage, sound
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.progress import meter
from pathprint.profiling.signatures.storage import Stored

_NOTHING = (bytes(8), bytes(8))
_AT_ONCE = 256
"""Images of a task."""
_DECODED = 64
"""Images that are held decoded at once while a network answers them."""


@dataclass(frozen=True)
class Looked:
    """What is known of images once each has been decoded.

    Attributes:
        keys, looks: of each image, uint64 ``(n,)``; 0 for a bad one.
        bad: why an image cannot be used, by its position.
        answers: the network's answer to each image, ``(n,)``, -1 for a bad one; None if no network was asked.
    """

    keys: Keys64
    looks: Keys64
    bad: Mapping[int, str]
    answers: Indices | None

    def usable(self, dataset: Dataset, max_bad_fraction: float) -> Usable:
        """Return the images that are not bad, and log which are.

        Raises:
            DataError: the share of bad ones is above ``max_bad_fraction``; the message lists them.
        """
        check_bad(dataset.name, self.bad, len(dataset), max_bad_fraction)
        good = np.flatnonzero([position not in self.bad for position in range(len(dataset))])
        return Usable(dataset.only(good, (self.keys[good], self.looks[good])), good)


@dataclass(frozen=True)
class Usable:
    """The images of a data set that can be used.

    Attributes:
        dataset: these images, whose keys are known.
        origins: the position of each in the whole data set, ``(n,)``.
    """

    dataset: Dataset
    origins: Indices


@dataclass(frozen=True)
class Looking:
    """Decodes images, and has a network answer them if there is one: the recipe for the work."""

    images: ImageSource
    network: NetworkSource | None = None

    def work(self) -> _Looker:
        """Open images and network."""
        return _Looker(self.images.open(), None if self.network is None else self.network.open())


@dataclass(frozen=True)
class _Looker:
    dataset: Dataset
    network: Network | None

    def probe(self, task: Task) -> None:
        """Decode the images."""
        for position in task.positions.tolist():
            self._identity(position, {})

    def do(self, task: Task) -> Stored:
        """Return keys and answers of the images, and why some are bad."""
        bad = {int(position): reason for position, reason in task.bad.items()}
        found = [self._identity(position, bad) for position in task.positions.tolist()]
        arrays: dict[str, np.ndarray[Any, np.dtype[Any]]] = {
            name: as_keys(own) for name, own in zip(("keys", "looks"), zip(*found, strict=True), strict=True)
        }
        if self.network is not None:
            arrays["answers"] = self._answers(self.network, task.positions, bad)
        return Stored({"bad": {str(position): reason for position, reason in sorted(bad.items())}}, arrays)

    def _identity(self, position: int, bad: dict[int, str]) -> tuple[bytes, bytes]:
        """Return key and look of an image, or zeros after noting in ``bad`` why there are none."""
        if position in bad:
            return _NOTHING
        try:
            return identity(self.dataset.image(position))
        except DataError as error:
            bad[position] = str(error)
            return _NOTHING

    def _answers(self, network: Network, positions: Indices, bad: Mapping[int, str]) -> Indices:
        found = np.full(len(positions), -1, dtype=np.int64)
        good = np.flatnonzero([position not in bad for position in positions.tolist()])
        for start in range(0, len(good), _DECODED):
            rows = good[start : start + _DECODED]
            pixels = self.dataset.pixels(positions[rows], network.preprocessing).to(network.device)
            with torch.inference_mode():
                found[rows] = network.logits(pixels).argmax(1).cpu().numpy()
        return found


def look(run: Run, engine: Engine, looking: Looking, number: int) -> Looked:
    """Decode ``number`` images; return what is known of them.

    Raises:
        JobError: workers are lost again and again.
    """
    stage = Stage(engine, looking, run.shards("looked", answered=looking.network is not None))
    tasks = [Task(i, np.arange(at, min(at + _AT_ONCE, number))) for i, at in enumerate(range(0, number, _AT_ONCE))]
    there = sound(stage.shards)
    with meter("looking at images", number) as seen:
        seen.advance(sum(len(task.positions) for task in tasks if task.number in there))
        for task in stage.do(task for task in tasks if task.number not in there):
            seen.advance(len(task.positions), bad=len((stage.shards.facts(task.number) or {}).get("bad", {})))
    parts = [stage.read(task) for task in tasks]
    bad = {int(position): str(reason) for part in parts for position, reason in part.facts["bad"].items()}
    columns = {name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays}
    return Looked(columns["keys"], columns["looks"], bad, columns.get("answers"))
