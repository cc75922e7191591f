"""Record the paths of some images of one class, and count them: what workers do for `profile`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

import numpy as np
import torch

from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.jobs.sources import ImageSource, NetworkSource
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import Kernel
from pathprint.profiling.paths.path import ImagePaths, Layout
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures.counts import KINDS
from pathprint.profiling.signatures.sparse import SparseCounts, unit_sizes
from pathprint.profiling.signatures.storage import Stored
from pathprint.profiling.signatures.synapses import ClassSynapses, collect
from pathprint.profiling.threads import one_thread

_SYNAPSES = "synapses/"
_DECODED = 64
"""Images that are held decoded at once. Their number must not depend on how many are wanted: it decides how sums over
a batch are rounded."""


@dataclass(frozen=True, eq=False)
class Counting:
    """Records and counts paths: the recipe for the work.

    Attributes:
        kernel: extracts the paths in this process; others take the fastest that they have.
    """

    images: ImageSource
    network: NetworkSource
    policy: Policy
    device: str = "cpu"
    kernel: Kernel | None = field(default=None, repr=False)

    @staticmethod
    def of(extractor: Extractor, images: ImageSource, network: NetworkSource) -> Counting:
        """Return the recipe for recording what ``extractor`` extracts."""
        return Counting(images, network, extractor.policy, str(extractor.network.device), extractor.kernel)

    def work(self) -> _Counter:
        """Open images and network."""
        return _Counter(self.images.open(), Extractor(self.network.open().to(self.device), self.policy, self.kernel))

    def __reduce__(self) -> tuple[type[Counting], tuple[ImageSource, NetworkSource, Policy, str]]:
        return Counting, (self.images, self.network, self.policy, self.device)

    def total(self, label: int, parts: Sequence[Stored]) -> Stored:
        """Return what the shards of parts of the images of one class add up to, as a shard."""
        taken = [part for part in parts if part.facts["taken"]]
        facts = {"label": label, "taken": sum(part.facts["taken"] for part in taken)}
        if not taken:
            return Stored(facts, {})
        sizes = unit_sizes(self.layout)
        flat = np.zeros(sum(sizes.values()), np.uint32)
        for part in taken:
            SparseCounts.from_arrays(self.layout, part.arrays, part.facts["taken"]).add_to(flat)
        synapses = [synapses_of(part, self.layout) for part in taken] if self.policy.synapses else []
        return _stored(facts, SparseCounts.of_flat(sizes, flat), synapses)

    @cached_property
    def layout(self) -> Layout:
        """The layers that every path records."""
        return Extractor(self.network.open(), self.policy, self.kernel).layout


@dataclass(frozen=True, eq=False)
class _Counter:
    dataset: Dataset
    extractor: Extractor

    def probe(self, task: Task) -> None:
        """Decode the images."""
        self.dataset.pixels(task.positions, self.extractor.network.preprocessing)

    def do(self, task: Task) -> Stored:
        """Count the paths of the first ``limit`` images of the task that are answered with ``label``.

        The shard says how many these are (``taken``) and how many images were looked at, and has their counts, and
        their synapses if the policy lists them.
        """
        with one_thread():
            return self._counted(task, int(task.facts["label"]), int(task.facts["limit"]))

    def _counted(self, task: Task, label: int, limit: int) -> Stored:
        sizes = unit_sizes(self.extractor.layout)
        flat, synapses, taken, looked = np.zeros(sum(sizes.values()), np.uint32), list[ClassSynapses](), 0, 0
        for start in range(0, len(task.positions), _DECODED):
            if taken >= limit:
                break
            chunk = task.positions[start : start + _DECODED]
            looked += len(chunk)
            for paths in self._paths(chunk, label, limit - taken):
                flat += counted(paths)
                taken += len(paths)
                synapses += [_synapses(paths, label)] if self.extractor.policy.synapses else []
        facts = {"label": label, "limit": limit, "taken": taken, "looked": looked}
        return _stored(facts, SparseCounts.of_flat(sizes, flat), synapses) if taken else Stored(facts, {})

    def _paths(self, positions: Indices, label: int, limit: int) -> Iterator[ImagePaths]:
        """Yield the paths of the first ``limit`` images that are answered with ``label``, as memory affords."""
        pixels = self.dataset.pixels(positions, self.extractor.network.preprocessing)
        for recording in self.extractor.recorded(pixels):
            rows = np.flatnonzero(_are(recording.predicted, label))[:limit]
            limit -= len(rows)
            paths = recording.some(torch.from_numpy(rows)).paths() if len(rows) else None
            del recording
            if paths is not None:
                yield paths


def _stored(facts: dict[str, Any], counts: SparseCounts, synapses: Sequence[ClassSynapses]) -> Stored:
    arrays: dict[str, Any] = dict(counts.arrays())
    if synapses:
        arrays |= {
            f"{_SYNAPSES}{name}": array for name, array in reduce(ClassSynapses.merge, synapses).arrays().items()
        }
    return Stored(facts, arrays)


def synapses_of(part: Stored, layout: Layout, extraction: str = "") -> ClassSynapses:
    """Return the synapses in a shard."""
    found = {name.removeprefix(_SYNAPSES): a for name, a in part.arrays.items() if name.startswith(_SYNAPSES)}
    return ClassSynapses.from_arrays(layout, extraction, found, "a shard")


def counted(paths: ImagePaths) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return in how many of the paths each unit is, of all layers and kinds one after another, ``(units,)``."""
    one = np.zeros(len(paths), dtype=np.int64)
    columns = (layer.members(kind).totals(one, 1)[0] for layer in paths.layers for kind in KINDS)
    return np.concatenate(list(columns)).astype(np.uint32)


def _synapses(paths: ImagePaths, label: int) -> ClassSynapses:
    return collect(paths, np.full(len(paths), label), "")


def _are(predicted: Indices, label: int) -> Bits:
    found: Bits = predicted == label
    return found
