"""Have workers attack images before the results are asked for, and keep these in the cache of attacked images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pathprint.models.network import Network
from pathprint.profiling.arrays import Indices
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting, chunk_size
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import Correct
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.jobs.engines.engine import Engine
from pathprint.profiling.jobs.engines.here import Here
from pathprint.profiling.jobs.job import Begun
from pathprint.profiling.jobs.run import Run
from pathprint.profiling.jobs.sources import ImageSource, NetworkSource
from pathprint.profiling.jobs.stage import Stage, sound
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.progress import meter
from pathprint.profiling.signatures.storage import Stored


@dataclass(frozen=True, eq=False)
class Attacking:
    """Attacks images and keeps the results in the cache: the recipe for the work."""

    images: ImageSource
    network: NetworkSource
    seed: int
    cache: Path
    device: str = "cpu"

    def work(self) -> _Attacker:
        """Open images and network."""
        return _Attacker(self.images.open(), self.network.open().to(self.device), Crafting(self.seed, self.cache))


@dataclass(frozen=True, eq=False)
class _Attacker:
    dataset: Dataset
    network: Network
    crafting: Crafting

    def probe(self, task: Task) -> None:
        """Decode the images."""
        self.dataset.pixels(task.positions, self.network.preprocessing)

    def do(self, task: Task) -> Stored:
        """Attack the images with the attack of this name, away from their ``labels``."""
        (attack,) = chosen(self.network, [str(task.facts["attack"])])
        pixels = self.dataset.pixels(task.positions, self.network.preprocessing).to(self.network.device)
        labels = torch.tensor(task.facts["labels"], device=self.network.device)
        self.crafting.craft(attack, self.network, pixels, labels)
        return Stored({}, {})


@dataclass(frozen=True, eq=False)
class CraftingAhead:
    """Has the workers of a job attack images: an ``Ahead`` of ``Crafting``.

    Attributes:
        origins: position in the whole data set of each image that is used, ``(n,)``.
    """

    run: Run
    engine: Engine
    attacking: Attacking
    origins: Indices

    def __call__(self, attacks: Sequence[Attack], network: Network, correct: Correct[Any]) -> None:
        """Attack all images with all attacks, but those that need another network, which workers do not have."""
        if isinstance(self.engine, Here):
            return  # whoever asks for the results makes them just as well
        tasks = list(self._tasks([one for one in attacks if one.knowledge != "transfer"], network, correct))
        named = [[task.facts["attack"], task.positions.tolist()] for task in tasks]
        which = hashlib.sha256(repr(named).encode()).hexdigest()
        stage = Stage(self.engine, self.attacking, self.run.shards(f"attacked-{which[:12]}", which=which))
        there = sound(stage.shards)
        with meter("attacking", sum(len(task.positions) for task in tasks)) as shown:
            shown.advance(sum(len(task.positions) for task in tasks if task.number in there))
            for task in stage.do(task for task in tasks if task.number not in there):
                shown.advance(len(task.positions))

    def _tasks(self, attacks: Sequence[Attack], network: Network, correct: Correct[Any]) -> Iterator[Task]:
        """Yield the chunks that ``craft_all`` makes."""
        number = 0
        for attack in attacks:
            size = chunk_size(attack, network, correct.pixels)
            for start in range(0, len(correct.indices), size):
                part = slice(start, start + size)
                facts = {"attack": attack.name, "labels": correct.labels[part].tolist()}
                yield Task(number, self.origins[correct.indices[part]], facts)
                number += 1


def crafting_of(
    job: Begun,
    images: ImageSource,
    network: NetworkSource,
    origins: Indices,
    crafting: Crafting,
) -> Crafting:
    """Return how a job crafts: in the cache that is asked for or else in the run's folder, and by its workers."""
    cache = crafting.cache or (job.run.folder and job.run.folder / "attacked")
    if cache is None:
        return crafting
    attacking = Attacking(images, network, crafting.seed, cache.absolute(), str(network.open().device))
    return Crafting(crafting.seed, cache, CraftingAhead(job.run, job.engine, attacking, origins))
