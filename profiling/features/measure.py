"""From pixels to features: the one way from an image to numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.data.correct import CHUNK
from pathprint.profiling.features.confidence import answer
from pathprint.profiling.features.similarity import compare
from pathprint.profiling.features.table import Feature, FeatureTable
from pathprint.profiling.features.views import stability
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.progress import track
from pathprint.profiling.signatures.counts import ClassSignatures


def measure(
    extractor: Extractor, signatures: ClassSignatures, pixels: Tensor, thorough: bool
) -> tuple[ImagePaths, FeatureTable]:
    """Return paths and features of pixels: the one way from an image to numbers."""
    paths = extractor.extract(pixels)
    tables = [compare(paths, signatures), answer(paths)]
    if thorough:
        tables.append(stability(extractor.network, pixels, paths))
    return paths, FeatureTable.join(tables)


@dataclass(frozen=True)
class Measuring:
    """How features come about: the parts of a detector that are there before it is fitted."""

    extractor: Extractor
    signatures: ClassSignatures
    thorough: bool

    def __call__(self, pixels: Tensor, title: str) -> tuple[tuple[Feature, ...], Floats]:
        """Return the features of pixels ``n c h w`` and their values ``(n, f)``."""
        table, _ = features_of(self.extractor, self.signatures, pixels, self.thorough, title)
        return table.features, table.values


def features_of(
    extractor: Extractor, signatures: ClassSignatures, pixels: Tensor, thorough: bool, title: str = "extracting"
) -> tuple[FeatureTable, Indices]:
    """Return features and predicted classes of many images, chunk by chunk."""
    tables, predicted = [], []
    for chunk in track(torch.split(pixels, CHUNK), title):
        paths, table = measure(extractor, signatures, chunk, thorough)
        tables.append(table)
        predicted.append(paths.seeds)
    return FeatureTable(tables[0].features, np.vstack([t.values for t in tables])), np.concatenate(predicted)
