"""Whether a network is right on the data at all: classes in another order or wrong mean and std are noticed here.

Nothing that follows would notice: signatures would be made of the network's few right answers.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch

from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.data.correct import in_chunks
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.errors import FitError

IMAGES = 256
"""Most images that a network is tried on before any expensive work."""
ERROR = 0.01
"""Probability at which a test calls a network worse than it is."""
FLOOR = 0.1
"""Share of the way from chance to perfection below which a network is refused even if it is better than chance."""
TOLERANCE = 0.1
"""By how much the confidence of sound networks exceeds their accuracy at times (Guo et al. 2017: mostly less)."""
USUAL_MEAN, USUAL_STD = 3.0, (0.2, 4.0)
"""How far from 0 the mean, and between which bounds the standard deviation, of what networks are trained on lie."""
_CAUSES = (
    "folders whose classes the network has in another order (`class_map`), a `mean`, `std` or `size` that is not the "
    "training's, stretched images (`stretch`) or the opposite, pixels in another range than 0 .. 255, inverted images, "
    "untrained or other weights."
)
log = logging.getLogger("pathprint.accuracy")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a network was given: mean and standard deviation of all values, once ``mean`` and ``std`` were applied."""

    mean: float
    std: float

    @property
    def are_usual(self) -> bool:
        """Whether networks are trained on values of about this mean and standard deviation.

        Wide bounds: pixels in [0, 1] that are not normalised at all are usual, and so are dark images.
        """
        return abs(self.mean) <= USUAL_MEAN and USUAL_STD[0] <= self.std <= USUAL_STD[1]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often a network was right on a few images.

    Attributes:
        images: number of images.
        right: number of right answers.
        chance: share that would be right if the answers, each as frequent as it is, were dealt to the images at random.
            If all images are of one class, which every deal gets right alike, it is one divided by the number of
            classes that the network has.
        confidence: mean probability (softmax) that the network gives its answers.
        inputs: what the network was given.
    """

    images: int
    right: int
    chance: float
    confidence: float
    inputs: Inputs = Inputs(0, 1)

    @property
    def share(self) -> float:
        """Share of right answers."""
        return self.right / self.images

    @property
    def is_chance(self) -> bool:
        """Whether the answers are hardly better than chance, and known to be worse than half way to perfection.

        Hardly better: a one-sided binomial test cannot tell them from chance, or they go less than ``FLOOR`` of the way
        from chance to perfection. Another test, that they are worse than half way, keeps small samples, which prove
        nothing, from being refused.
        """
        untold = self._p_value("greater", self.chance) > ERROR
        low = self.share < self.chance + FLOOR * (1 - self.chance)
        return (untold or low) and self._p_value("less", (1 + self.chance) / 2) < ERROR

    @property
    def is_below_confidence(self) -> bool:
        """Whether a one-sided binomial test finds the accuracy below the mean confidence less ``TOLERANCE``."""
        return self._p_value("less", max(self.confidence - TOLERANCE, 0)) < ERROR

    def record(self) -> dict[str, float]:
        """Return share, number of images and mean confidence as JSON-able data."""
        return {"share": self.share, "images": self.images, "confidence": self.confidence}

    def _p_value(self, alternative: str, share: float) -> float:
        from scipy.stats import binomtest

        return float(binomtest(self.right, self.images, share, alternative).pvalue)


def check_accuracy(network: Network, dataset: Dataset, images: Indices, any_accuracy: bool = False) -> Accuracy:
    """Try a network on a few of the ``images``; log its accuracy, with a warning if it is below the confidence.

    Args:
        images: positions in the data set in random order. The first ones of each class are taken.
        any_accuracy: only warn where the network is hardly better than chance.

    Raises:
        FitError: the network is hardly better than chance.
    """
    tried = accuracy_of(network, dataset, _first_of_each_class(dataset, images))
    found = (
        f"{dataset.name}: the network is right on {tried.right} of {tried.images} images ({tried.share:.1%}), "
        f"taken evenly from the classes, with a mean confidence of {tried.confidence:.1%}"
    )
    if tried.is_chance and not any_accuracy:
        raise FitError(
            f"{found}. Answers that ignore the images would be right on {tried.chance:.1%}, which is hardly worse. "
            f"{_causes(tried.inputs)} With `any_accuracy` work goes on all the same."
        )
    if tried.is_chance or tried.is_below_confidence:
        log.warning("%s. It should be right far more often. %s", found, _causes(tried.inputs))
    else:
        log.info("%s.", found)
    return tried


def _causes(inputs: Inputs) -> str:
    """Name the usual causes of wrong answers; first of all the preprocessing, if what it makes of images is odd."""
    if inputs.are_usual:
        return f"Usual causes: {_CAUSES}"
    return (
        "The likely cause is how pixels become inputs of the network: after `mean` and `std` these have the mean "
        f"{inputs.mean:.2g} and the standard deviation {inputs.std:.2g}, while networks are trained on values around 0 "
        f"that deviate by about 1. Other usual causes: {_CAUSES}"
    )


def accuracy_of(network: Network, dataset: Dataset, images: Indices) -> Accuracy:
    """Return how often the network is right on ``images``, and how sure it is.

    Raises:
        DataError: an image cannot be decoded.
    """
    parts = [_tried(network, dataset, chunk) for chunk in in_chunks(images)]
    confidence, answers, means, squares = (np.concatenate(part) for part in zip(*parts, strict=True))
    labels, classes = dataset.labels[images], len(network.labels)
    shares = [np.bincount(found, minlength=classes) / len(images) for found in (answers, labels)]
    chance = float(shares[0] @ shares[1]) if len(set(labels.tolist())) > 1 else 1 / classes
    mean = float(np.nan_to_num(confidence.mean()))  # a network whose logits are nan has none
    given = Inputs(float(means.mean()), float(np.sqrt(max(squares.mean() - means.mean() ** 2, 0))))
    return Accuracy(len(images), int((answers == labels).sum()), min(chance, 1.0), min(mean, 1.0), given)


def _tried(network: Network, dataset: Dataset, images: Indices) -> tuple[Floats, Indices, Floats, Floats]:
    """Return for each of ``images`` the largest probability, the class that has it, and the means of the network's
    input and of its square.
    """
    with torch.inference_mode():
        pixels = dataset.pixels(images, network.preprocessing).to(network.device)
        highest, answers = network.logits(pixels).double().softmax(1).max(1)
        inputs = network.preprocessing.normalise(pixels).double().flatten(1)
        means, squares = inputs.mean(1), inputs.square().mean(1)
    return highest.cpu().numpy(), answers.cpu().numpy(), means.cpu().numpy(), squares.cpu().numpy()


def _first_of_each_class(dataset: Dataset, images: Indices) -> Indices:
    """Return at most ``IMAGES`` of ``images``: the first of each class, then the second of each class, and so on."""
    labels = dataset.labels[images]
    by_class = np.argsort(labels, kind="stable")
    _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
    turns = np.empty(len(images), dtype=np.int64)
    turns[by_class] = np.arange(len(images)) - np.repeat(starts, sizes)
    return images[np.argsort(turns, kind="stable")[:IMAGES]]
