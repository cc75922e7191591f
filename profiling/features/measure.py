"""From pixels to features: the only way that jobs, evaluation and service take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.correct import CHUNK
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.features.confidence import confidence
from pathprint.profiling.features.probes import Probes, probe
from pathprint.profiling.features.similarity import compare
from pathprint.profiling.features.table import FeatureTable
from pathprint.profiling.features.views import check_views, stability
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.progress import track
from pathprint.profiling.signatures.compact import Served
from pathprint.profiling.signatures.compact_lookup import AnyLookup, lookup_of


@dataclass(frozen=True)
class FeatureMaker:
    """Makes features of images: a detector without its fitted score. It never changes.

    Attributes:
        signatures: made by this extractor.
        views: names of the changed copies of each image that are classified, too (see ``views``); each costs one more
            inference.
        probes: linear readings of the network's activations; they need an extractor with ``averages``.

    Raises:
        SignatureError: the signatures were made by another network or with other options, or have classes that the
            network has not.
        OptionsError: there is no such view, or one is named twice.
    """

    extractor: Extractor
    signatures: Served
    views: tuple[str, ...] = ()
    probes: Probes | None = None

    def __post_init__(self) -> None:
        check_views(self.views)
        if self.signatures.extraction != self.extractor.fingerprint:
            raise SignatureError(
                f"the signatures were made by extraction {self.signatures.extraction[:12]}…, but this network and its "
                f"options are {self.extractor.fingerprint[:12]}…; profile this network again."
            )
        last, classes = self.signatures.classes.max(initial=-1), len(self.network.labels)
        if last >= classes:
            raise SignatureError(
                f"the signatures have class {last}, but the network has {classes} classes; profile this network again."
            )

    @property
    def network(self) -> Network:
        return self.extractor.network

    @cached_property
    def lookup(self) -> AnyLookup:
        """The signatures, laid out for comparing paths with them."""
        return lookup_of(self.signatures)

    def make(self, pixels: Tensor) -> tuple[ImagePaths, FeatureTable]:
        """Return paths and features of pixels ``n c h w`` in [0, 1], taken as one batch.

        Raises:
            OptionsError: there are no images.
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        """
        paths, own = self.first_look(pixels)
        return paths, FeatureTable.join([own, self.ask(pixels, paths, self.views)]) if self.views else own

    def first_look(self, pixels: Tensor) -> tuple[ImagePaths, FeatureTable]:
        """Return paths and features of pixels ``n c h w`` in [0, 1] without those of any view.

        Raises:
            OptionsError: there are no images.
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        """
        paths = self.extractor.extract(pixels)
        tables = [compare(paths, self.lookup), confidence(paths)]
        if self.probes is not None:
            tables.append(probe(paths, self.probes))
        return paths, FeatureTable.join(tables)

    def ask(self, pixels: Tensor, paths: ImagePaths, views: Sequence[str]) -> FeatureTable:
        """Return the features of views of pixels ``n c h w``, whose ``paths`` hold the network's answers."""
        return stability(self.network, pixels, paths, views)

    def make_all(self, pixels: Tensor) -> tuple[FeatureTable, Indices]:
        """Return features and predicted classes of pixels ``n c h w``, chunk by chunk.

        Raises:
            OptionsError: there are no images.
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        """
        tables, predicted = [], []
        for chunk in track(torch.split(pixels, CHUNK), "measuring", len):
            paths, table = self.make(chunk)
            tables.append(table)
            predicted.append(paths.seeds)
        return FeatureTable(tables[0].features, np.vstack([t.values for t in tables])), np.concatenate(predicted)
