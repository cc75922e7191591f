"""What each image may be used for: roles, of which no two share an image, by construction.

Images of equal pixels count as one, whatever files hold them. An attack on an image keeps that
image's role, because attacks are made from the images of one role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.likeness import warn_of_two_labels
from pathprint.profiling.errors import SplitError

_PROFILE_SHARE = 0.5
_SHARES = {"fit": 0.35, "calibrate": 0.35, "test": 0.3}
ROLES = ("profile", *_SHARES)
Keys = frozenset[int]


class Role:
    """What an image is for. Never instantiated: a role is a type, so that mypy sees a leak."""


class Profile(Role):
    """Class signatures come from these, and the network may have been trained on them."""


class Fit(Role):
    """Clean and adversarial examples of classifiers come from these."""


class Calibrate(Role):
    """Thresholds come from these; only clean ones."""


class Test(Role):
    """Nothing sees these before evaluation."""

    __test__ = False  # pytest would collect a class of this name


R = TypeVar("R", bound=Role)


@dataclass(frozen=True)
class Images(Generic[R]):
    """Images of one role: ``Images[Fit]`` is another type than ``Images[Test]``.

    Attributes:
        positions: in the data set, ``(n,)``.
    """

    dataset: Dataset
    positions: Indices

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def keys(self) -> Keys:
        """The images' keys."""
        return frozenset(self.dataset.keys[self.positions].tolist())


def profile_images(dataset: Dataset, seed: int = 0) -> Indices:
    """Return the positions of the images to train and profile on, in a seeded order.

    If the data set sets images apart for testing, these are all others; else half of all images.
    Equal images are returned once; those with several labels are warned about.
    """
    warn_of_two_labels(dataset)
    shuffled = _shuffled(dataset, np.arange(len(dataset)), seed)
    if dataset.held_out is not None:
        return shuffled[~dataset.held_out[shuffled]]
    return shuffled[: round(len(shuffled) * _PROFILE_SHARE)]


@dataclass(frozen=True)
class Split:
    """The images of each of four roles. No two roles share an image, which is checked by their pixels.

    Attributes:
        profile: keys of the network's training images; class signatures come from them.
            They need not lie in this data set.

    Raises:
        SplitError: two roles share an image.
    """

    dataset: Dataset
    profile: Keys
    fit: Images[Fit]
    calibrate: Images[Calibrate]
    test: Images[Test]

    def __post_init__(self) -> None:
        seen = dict.fromkeys(self.profile, "profile")
        for role in _SHARES:
            for key in self.keys(role):
                if key in seen:
                    raise SplitError(f"an image is in both {seen[key]} and {role}; each image has one role.")
                seen[key] = role

    def keys(self, role: str) -> Keys:
        """Return the keys of the images of ``role``, one of ``ROLES``."""
        if role == "profile":
            return self.profile
        images: Images[Role] = getattr(self, role)
        return images.keys

    @property
    def profiled(self) -> Images[Profile]:
        """The profile images that lie in this data set."""
        return Images(self.dataset, _holding(self.dataset, self.profile))


def split(dataset: Dataset, profile: Keys, seed: int = 0) -> Split:
    """Divide the images that are not among the ``profile`` keys at random into fit, calibrate and test.

    Equal data and seeds give equal splits.

    Raises:
        SplitError: a role would have no image.
    """
    warn_of_two_labels(dataset)
    rest = _shuffled(dataset, unseen(dataset, profile), seed)
    cuts = np.round(np.cumsum(list(_SHARES.values()))[:-1] * len(rest)).astype(int)
    fit, calibrate, test = (_ordered(dataset, part) for part in np.split(rest, cuts))
    for role, images in zip(_SHARES, (fit, calibrate, test), strict=True):
        if not len(images):
            raise SplitError(
                f"{dataset.name} has {len(rest)} distinct images that were not profiled; "
                f"none is left for {role}. Use a larger data set."
            )
    return Split(dataset, profile, Images(dataset, fit), Images(dataset, calibrate), Images(dataset, test))


def split_again(dataset: Dataset, used: Mapping[str, Keys]) -> Split:
    """Return the split that a bundle was built from, with all images that the bundle has not used as test images.

    If the data set sets images apart for testing, only those are test images. A role is empty if its
    images lie in another data set.

    Args:
        used: keys of the bundle's ``profile``, ``fit`` and ``calibrate`` images.

    Raises:
        SplitError: no image is left for testing.
    """
    warn_of_two_labels(dataset)
    test = unseen(dataset, frozenset().union(*used.values()))
    if dataset.held_out is not None:
        test = test[dataset.held_out[test]]
    if not len(test):
        raise SplitError(f"every image of {dataset.name} was used to build the bundle; evaluate on other images.")
    fit, calibrate = (_holding(dataset, used[role]) for role in ("fit", "calibrate"))
    tested: Images[Test] = Images(dataset, _ordered(dataset, test))
    return Split(dataset, used["profile"], Images(dataset, fit), Images(dataset, calibrate), tested)


def unseen(dataset: Dataset, used: Keys) -> Indices:
    """Return the positions of images that are not among the ``used`` keys, in order."""
    return np.flatnonzero(~_among(dataset, used))


def _holding(dataset: Dataset, keys: Keys) -> Indices:
    """Return the positions of images that are among ``keys``, in the order of ``_ordered``."""
    return _ordered(dataset, np.flatnonzero(_among(dataset, keys)))


def _among(dataset: Dataset, keys: Keys) -> Bits:
    """Return which images ``keys`` stand for, by their pixels or, in profiles and bundles of older versions, by their
    files.
    """
    known = np.array(list(keys), dtype=np.uint64)
    return np.isin(dataset.keys, known) | np.isin(dataset.content_keys, known)


def _ordered(dataset: Dataset, positions: Indices) -> Indices:
    """Return the positions sorted by key, one of each picture.

    Keys are hashes, so this order is as good as random, and it can be found again without the seed.
    """
    _, first = np.unique(dataset.keys[positions], return_index=True)
    return positions[first]


def _shuffled(dataset: Dataset, positions: Indices, seed: int) -> Indices:
    """Return the positions in a seeded order; of equal images only the first."""
    _, first = np.unique(dataset.keys[positions], return_index=True)
    return np.random.default_rng(seed).permutation(positions[np.sort(first)])
