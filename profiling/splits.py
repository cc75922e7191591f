"""Who may see which image: sets that cannot share one, by construction.

Equal images (by content) count as one. Every attack on an image stays on its side, because attacks
are made from these sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiling.datasets import Dataset
from profiling.errors import SplitError
from profiling.paths.path import Indices

_PROFILE_SHARE = 0.5
_SHARES = {"fit": 0.35, "calibrate": 0.35, "test": 0.3}
Keys = frozenset[int]


def profile_images(dataset: Dataset, seed: int = 0) -> Indices:
    """Return the positions of the images to train and profile on, in a seeded order.

    Where the data set sets images apart for testing, all others; else half of all images.
    """
    shuffled = _shuffled(dataset, np.arange(len(dataset)), seed)
    if dataset.held_out is not None:
        return shuffled[~dataset.held_out[shuffled]]
    return shuffled[: round(len(shuffled) * _PROFILE_SHARE)]


@dataclass(frozen=True)
class Split:
    """What is left of a data set beside the profile images, by role.

    Attributes:
        profile: content keys of the network's training images; class signatures come from them.
        fit: positions of the images that make the classifier's clean and adversarial examples.
        calibrate: positions of the images that the threshold comes from; only clean ones.
        test: positions of the images that nothing sees before evaluation.
    """

    dataset: Dataset
    profile: Keys
    fit: Indices
    calibrate: Indices
    test: Indices

    def __post_init__(self) -> None:
        seen = dict.fromkeys(self.profile, "profile")
        for role in _SHARES:
            for key in self.keys(role):
                if key in seen:
                    raise SplitError(f"an image is in both {seen[key]} and {role}; each image has one role.")
                seen[key] = role

    def keys(self, role: str) -> Keys:
        """Return the content keys of one role's images."""
        if role == "profile":
            return self.profile
        return frozenset(self.dataset.keys[getattr(self, role)].tolist())


def split(dataset: Dataset, profile: Keys, seed: int = 0) -> Split:
    """Divide the images that are not among the ``profile`` keys into fit, calibrate and test.

    The same data and seed give the same split.

    Raises:
        SplitError: a role would have no image.
    """
    rest = _shuffled(dataset, unseen(dataset, profile), seed)
    cuts = np.round(np.cumsum(list(_SHARES.values()))[:-1] * len(rest)).astype(int)
    parts = dict(zip(_SHARES, np.split(rest, cuts), strict=True))
    for role, images in parts.items():
        if not len(images):
            raise SplitError(
                f"{dataset.name} has {len(rest)} distinct images that were not profiled; none is left for {role}."
            )
    return Split(dataset, profile, **parts)


def unseen(dataset: Dataset, used: Keys) -> Indices:
    """Return the positions of images whose content is not among the ``used`` keys, in order."""
    return np.array([i for i, key in enumerate(dataset.keys.tolist()) if key not in used], dtype=np.int64)


def _shuffled(dataset: Dataset, positions: Indices, seed: int) -> Indices:
    """Return the positions in a seeded order, each content once: the first of equal ones."""
    _, first = np.unique(dataset.keys[positions], return_index=True)
    return np.random.default_rng(seed).permutation(positions[np.sort(first)])
