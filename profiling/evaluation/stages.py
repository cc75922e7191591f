"""What the stages of a detector cost on images of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import split_again
from pathprint.profiling.detection.bundle import load_bundle
from pathprint.profiling.detection.cascade import Cascade
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import BundleError


@dataclass(frozen=True)
class StageCost:
    """What images cost, counted in inferences: 2 for the recorded inference and the walk, and 1 for each view.

    Attributes:
        images: number of images.
        reached: the share of them that reached each stage.
        mean, percentile99: mean and 99th percentile of what an image cost.
    """

    images: int
    reached: tuple[float, ...]
    mean: float
    percentile99: float

    @staticmethod
    def of(cascade: Cascade, ended: Indices) -> StageCost:
        """Return the cost of images that ended in these stages, from 0, ``(n,)``."""
        stages = range(len(cascade.stages))
        costs = np.array([cascade.inferences(stage) for stage in stages])[ended]
        reached = tuple(float((ended >= stage).mean()) for stage in stages)
        # The 99th percentile is what an image really cost, not a value between two.
        return StageCost(len(ended), reached, float(costs.mean()), float(np.quantile(costs, 0.99, method="higher")))


def clean_cost(bundle: Path | str, network: Network, dataset: Dataset, most: int = 1000) -> StageCost:
    """Return what clean images cost that a bundle has not seen.

    Args:
        network: what the bundle has to be of.
        dataset: images labelled with the network's class numbers.
        most: images to count.

    Raises:
        BundleError: the bundle cannot be read, or is of another network.
        SplitError: the bundle has seen all images.
        FitError: the network is right on none of them.
    """
    loaded = load_bundle(bundle)
    detector = loaded.detector
    if detector.network.fingerprint != network.fingerprint:
        raise BundleError(f"{bundle} is of another network, {detector.network.name}; name that one.")
    clean = correct_images(detector.network, split_again(dataset, loaded.used).test, most)
    values = detector.maker.make_all(clean.pixels)[0].values
    return StageCost.of(detector.score, detector.score.course_of(values).ended)


def stage_costs(detector: Detector, kinds: Mapping[str, Floats]) -> dict[str, StageCost]:
    """Return what the images of each kind cost, given their features."""
    return {name: StageCost.of(detector.score, detector.score.course_of(found).ended) for name, found in kinds.items()}
