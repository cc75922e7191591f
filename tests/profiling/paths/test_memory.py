"""What extraction keeps in memory: one recording at a time, and nothing from call to call."""

import ctypes
import gc
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pathprint.models.graph import NO_CHANGES, Change, Graph
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.features.similarity import compare
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.recording import Recording
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.lookup import Lookup
from tests.profiling.paths.networks import built

CALLS = 10_000
SETTLED = 1_000
"""Calls after which every size has come often, so that libraries have prepared themselves for it."""
GROWTH = 4.0
"""MB that resident memory may grow after that: 450 bytes a call."""


class Watching(Graph):
    """A graph that notes how many recorded runs are in memory when it is run."""

    def record(self, x: Tensor, keep: Iterable[str], changes: Mapping[str, Change] = NO_CHANGES) -> dict[str, Tensor]:
        HELD.append(sum(type(found) is Recording for found in gc.get_objects()))
        return super().record(x, keep, changes)


HELD: list[int] = []


def test_a_recording_is_gone_before_the_next_is_made() -> None:
    network = built("residual")[1]
    graph = network.graph
    watching = replace(network, graph=Watching(graph.nodes, graph.constants, graph.output, graph.input_shape))
    extractor = Extractor(watching, batch_size=2)
    extractor.extract(torch.rand(6, *network.preprocessing.input_shape))
    assert HELD[-3:] == [0, 0, 0]


def resident() -> float:
    """Return the MB of memory that this process occupies, without what it has freed."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmRSS"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell resident memory")
def test_memory_stays_flat_over_calls_of_mixed_sizes(
    extractor: Extractor, signatures: ClassSignatures, digits: Dataset
) -> None:
    pixels, lookup = digits.pixels(np.arange(64), extractor.network.preprocessing), Lookup.of(signatures)
    sizes = np.random.default_rng(0).choice([1, 1, 2, 3, 4, 5, 8, 11, 16, 64], CALLS)
    settled = 0.0
    for call, size in enumerate(sizes):
        if call == SETTLED:
            settled = resident()
        compare(extractor.extract(pixels[:size]), lookup)
    assert resident() - settled < GROWTH
