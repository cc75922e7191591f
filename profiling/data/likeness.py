"""Warn of images that a job takes for new although they look like images that were used, and of doubtful labels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import sqrt

import numpy as np

from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.identity import Keys64

log = logging.getLogger("pathprint.data")
_FEWEST, _SHARE = 5, 0.05
"""Copies are warned about if they are at least so many, and this share more of the new images than chance explains."""
_SHOWN = 3


def warn_of_copies(dataset: Dataset, images: Indices, used: Keys64) -> None:
    """Warn if many of ``images`` look like a used one each: they may be the same pictures, scaled or saved again.

    Images of some kinds, such as digits, look alike by chance. So only a look counts that one used and one new image
    have. Let chance alone decide: in the mean there are at most as many of these as the geometric mean of the numbers
    of used images, and of new ones, whose look just two of them share (docs/decisions/060-looks.md).

    Args:
        images: positions of images whose pixels are those of no used image.
        used: looks of the used images.
    """
    looks = dataset.looks[images]
    once, twice = _by_frequency(used)
    new, again = _by_frequency(looks)
    copies = images[np.isin(looks, np.intersect1d(once, new))]
    by_chance = sqrt((2 * len(twice) + 1) * (2 * len(again) + 1))
    if len(copies) >= _FEWEST and len(copies) > _SHARE * len(images) + by_chance:
        log.warning(
            "%s: %d of %d images that count as new look almost like images that were used before (%s): they may be the "
            "same pictures, scaled or saved again. On copies a detector seems better than it is; leave them out.",
            dataset.name,
            len(copies),
            len(images),
            _named([dataset.names[int(index)] for index in copies[:_SHOWN]], len(copies)),
        )


def _by_frequency(looks: Keys64) -> tuple[Keys64, Keys64]:
    """Return the looks that occur once, and those that occur twice."""
    values, times = np.unique(looks, return_counts=True)
    return values[times == 1], values[times == 2]


def warn_of_two_labels(dataset: Dataset) -> None:
    """Warn of pictures that lie under several labels; each counts once, under the first of them."""
    firsts: dict[int, int] = {}
    others: dict[int, int] = {}
    for index, (key, label) in enumerate(zip(dataset.keys.tolist(), dataset.labels.tolist(), strict=True)):
        first = firsts.setdefault(key, index)
        if label != dataset.labels[first]:
            others.setdefault(first, index)
    if others:
        log.warning(
            "%s: %d %s under several labels, of which only the first counts: %s. Leave each under its right label.",
            dataset.name,
            len(others),
            "picture lies" if len(others) == 1 else "pictures lie",
            _named([_pair(dataset, *pair) for pair in list(others.items())[:_SHOWN]], len(others)),
        )


def _pair(dataset: Dataset, first: int, second: int) -> str:
    one, two = (f"{dataset.names[at]} ({dataset.classes[dataset.labels[at]]!r})" for at in (first, second))
    return f"{one} = {two}"


def _named(names: Sequence[str], count: int) -> str:
    return ", ".join(names) + (", …" if count > len(names) else "")
