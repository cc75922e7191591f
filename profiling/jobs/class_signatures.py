"""The class signatures that the counted paths of images add up to."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.errors import FitError
from pathprint.profiling.jobs.class_counts import ClassCounts, Quota, count_classes
from pathprint.profiling.jobs.counting import Counting, synapses_of
from pathprint.profiling.jobs.engines.engine import Engine
from pathprint.profiling.jobs.engines.here import Here
from pathprint.profiling.jobs.run import Run
from pathprint.profiling.jobs.sources import ImageSource, NetworkSource
from pathprint.profiling.paths.cost import multiply_adds
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import Layout
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.exact import Exact, open_signatures
from pathprint.profiling.signatures.gathering import SignatureWriter
from pathprint.profiling.signatures.sparse import SparseCounts, unit_sizes
from pathprint.profiling.signatures.storage import Stored
from pathprint.profiling.signatures.synapses import ClassSynapses


def class_signatures(extractor: Extractor, dataset: Dataset, images: Indices, per_class: int) -> ClassSignatures:
    """Return the signatures of the first ``per_class`` correctly predicted images of each class, made in this process.

    Args:
        images: positions in the data set, in the order in which they are taken.

    Raises:
        FitError: no image is predicted correctly.
    """
    plain = replace(extractor, policy=replace(extractor.policy, synapses=False))
    counting = Counting.of(plain, ImageSource("", dataset), NetworkSource(None, extractor.network))
    counts = counted(Run(None, {}), Here(), counting, Quota(by_class(dataset.labels, images), per_class))
    sizes = unit_sizes(plain.layout)
    rows = [(number, int(part.facts["taken"]), _counts(part, plain.layout)) for number, part in counts]
    columns = {name: np.stack([row.counts()[name] for _, _, row in rows]) for name in sizes}
    classes, taken = (np.array(column, dtype=np.int64) for column in list(zip(*rows, strict=True))[:2])
    return ClassSignatures(plain.layout, plain.fingerprint, classes, taken, columns)


def by_class(labels: Indices, images: Indices) -> dict[int, Indices]:
    """Return the positions of each class, in the order of ``images``."""
    own = labels[images]
    return {int(label): images[own == label] for label in np.unique(own)}


def counted(run: Run, engine: Engine, counting: Counting, quota: Quota) -> ClassCounts:
    """Count the paths of correctly predicted images class by class; see ``count_classes``.

    Raises:
        FitError: no image is predicted correctly.
    """
    found = count_classes(run, engine, counting, quota, multiply_adds(counting.network.open()))
    if not found.classes:
        number = sum(map(len, quota.images.values()))
        raise FitError(f"the network predicts none of the {number} profile images correctly; check labels and weights.")
    return found


def signatures(counts: ClassCounts, extractor: Extractor, folder: Path | None) -> Exact:
    """Return counted paths as class signatures. If they are large they stay in a file, and one class is in memory.

    Args:
        folder: where the file is written; None for where temporary files lie.

    Raises:
        OutputError: they cannot be written, as when the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="pathprint-", dir=folder) as place:
        path = Path(place) / "signatures.safetensors"
        with SignatureWriter(path, extractor.layout, extractor.fingerprint) as writer:
            for number, part in counts:
                writer.add(number, int(part.facts["taken"]), _counts(part, extractor.layout))
        return open_signatures(path)  # what is mapped stays readable when its name is gone


def _counts(part: Stored, layout: Layout) -> SparseCounts:
    return SparseCounts.from_arrays(layout, part.arrays, int(part.facts["taken"]))


def synapses(counts: ClassCounts, extractor: Extractor) -> ClassSynapses:
    """Return the synapses that were recorded with counted paths."""
    parts = [synapses_of(part, extractor.layout, extractor.fingerprint) for _, part in counts]
    sets = {name: members for part in parts for name, members in part.sets.items()}
    return ClassSynapses(extractor.layout, extractor.fingerprint, sets)
