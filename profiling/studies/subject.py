"""The subject of a study: a network, the options of its paths, and images in their roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split, profile_images, split
from pathprint.profiling.jobs.class_signatures import class_signatures
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.studies.correct_paths import correct_paths


@dataclass(frozen=True)
class Subject:
    """A network with its paths, and the data that it is studied on.

    Attributes:
        dataset: images labelled with the network's class numbers.
        per_class: most correctly predicted profile images of each class.
        seed: of the order of images and of all randomness.
    """

    extractor: Extractor
    dataset: Dataset
    per_class: int
    seed: int = 0

    def at(self, **options: Any) -> Subject:
        """Return the subject with other options of the path, named as in ``Policy``."""
        return replace(self, extractor=replace(self.extractor, policy=replace(self.extractor.policy, **options)))

    @cached_property
    def images(self) -> Indices:
        """Positions of the profile images, in a seeded order."""
        return profile_images(self.dataset, self.seed)

    @cached_property
    def split(self) -> Split:
        """The roles of the images that were not profiled; only the detection study looks at test images."""
        return split(self.dataset, frozenset(self.dataset.keys[self.images].tolist()), self.seed)

    def paths(self) -> Iterator[tuple[ImagePaths, Indices]]:
        """Yield paths and labels of the correctly predicted profile images, batch by batch."""
        return correct_paths(self.extractor, self.dataset, self.images, self.per_class)

    def signatures(self) -> ClassSignatures:
        """Return the signatures of the correctly predicted profile images."""
        return class_signatures(self.extractor, self.dataset, self.images, self.per_class)

    def facts(self) -> dict[str, Any]:
        """Return network, options and seed of the study, as JSON-able data."""
        policy = self.extractor.policy.to_dict()
        named = {"network": self.extractor.network.name, "images_per_class": self.per_class, "seed": self.seed}
        return {**named, "policy": policy}
