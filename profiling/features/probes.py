"""Linear probes (Alain and Bengio 2017): which class the activations on the way to the answer speak for.

An attack that changes pixels a little leaves early layers reading the true class; only later ones turn to the answer.
The walk starts at the answer, so it does not see what speaks for other classes. A probe reads an activation's
averages (``paths/averages.py``) linearly, fitted towards the classes of profiled images (``jobs/probe_fitting.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Arrays, Floats
from pathprint.profiling.features.confidence import LAYER
from pathprint.profiling.features.table import Feature, FeatureTable
from pathprint.profiling.paths.averages import Average
from pathprint.profiling.paths.path import ImagePaths

MOST_CLASSES = 100
"""Classes of a network up to which it has probes: a probe is at most 512 x 100 numbers of 4 bytes, 205 kB."""
_ARRAY = "probe_"
MOST = 2.0
"""Readings, and what they are compared by, are held to this number and its negative."""


@dataclass(frozen=True, eq=False)
class Probes:
    """Linear readings of the activations that some weighted layers read.

    Attributes:
        layers: names of the layers, in forward order, one for each of the extractor's averages.
        weights: of each layer, float32 ``(d + 1, k)``; a reading is the average times the first ``d`` rows plus the
            last one. It estimates the probability of each class, but is not held to [0, 1].
    """

    layers: tuple[str, ...]
    weights: tuple[npt.NDArray[np.float32], ...]

    def readings(self, averages: Sequence[npt.NDArray[np.float32]]) -> Floats:
        """Return what each layer reads of each image, ``(n, layers, k)``; ``averages`` are ``(n, d)`` each."""
        read = [seen @ weights[:-1] + weights[-1] for seen, weights in zip(averages, self.weights, strict=True)]
        found: Floats = np.stack(read, axis=1).astype(np.float64)
        return found

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name; ``from_arrays`` reads them."""
        return {f"{_ARRAY}{number}": weights for number, weights in enumerate(self.weights)}

    @staticmethod
    def blank(averages: Sequence[Average], classes: int) -> Probes:
        """Return probes that read nothing, which cost what fitted ones do."""
        layers = tuple(average.layer for average in averages)
        return Probes(layers, tuple(np.zeros((average.size + 1, classes), np.float32) for average in averages))

    @staticmethod
    def from_arrays(layers: Sequence[str], arrays: Arrays) -> Probes | None:
        """Return the probes of ``layers`` stored by ``arrays``; None if there are no layers.

        Raises:
            KeyError: an array is missing.
        """
        weights = tuple(arrays[f"{_ARRAY}{number}"] for number in range(len(layers)))
        return Probes(tuple(layers), weights) if layers else None


def probe(paths: ImagePaths, probes: Probes) -> FeatureTable:
    """Return how clearly each layer reads each image as its answer, and where on the way this was settled.

    ``probe_reading`` is the reading of the answer, ``probe_margin`` that minus the largest other, ``probe_lead`` minus
    that of the runner-up; all are held to [-2, 2], so that huge activations do not count without limit. A reading has
    no trend: weak attacks have small ones, strong attacks larger ones than any clean image. Of all layers together
    there are ``probe_settled``, the share of layers until the answer leads for good; ``probe_turns``, how often the
    leading class changes; and ``probe_jump``, by how much the margin rises at most from one layer to the next.
    """
    readings, rows = probes.readings(paths.averages), np.arange(len(paths))
    others = paths.logits.copy()
    others[rows, paths.seeds] = -np.inf
    own, runner_up = readings[rows, :, paths.seeds], readings[rows, :, others.argmax(1)]
    readings[rows, :, paths.seeds] = -np.inf
    best = readings.max(2)
    margins, leads, shares = (np.clip(own - other, -MOST, MOST) for other in (best, runner_up, 0))
    leading = np.where(own > best, paths.seeds[:, None], readings.argmax(2))
    whole = [_settled(margins > 0), (np.diff(leading, axis=1) != 0).sum(1), _jump(margins)]
    return FeatureTable(_features(probes.layers), np.column_stack([margins, leads, shares, *whole]))


def _settled(leads: npt.NDArray[np.bool_]) -> Floats:
    """Return the share of layers before the answer leads for good, ``(n,)``, given where it leads, ``(n, layers)``."""
    for_good = np.logical_and.accumulate(leads[:, ::-1], axis=1).sum(1)
    share: Floats = 1 - for_good / leads.shape[1]
    return share


def _jump(margins: Floats) -> Floats:
    found: Floats = np.diff(margins, axis=1, prepend=0).max(1)
    return found


@cache
def _features(layers: tuple[str, ...]) -> tuple[Feature, ...]:
    trends = {"probe_margin": -1, "probe_lead": -1, "probe_reading": 0}
    of_layers = [Feature(measure, layer, "", 0, trend) for measure, trend in trends.items() for layer in layers]
    return (*of_layers, *(Feature(f"probe_{measure}", LAYER, "", 0, 1) for measure in ("settled", "turns", "jump")))
