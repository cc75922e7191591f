"""Compare paths with class signatures: image paths become named features (docs/method.md).

Each measure is one small function of a ``View``: one layer, one kind of set, all images of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from profiling.errors import SignatureError
from profiling.paths.path import Bits, ImagePaths, Indices, LayerPath, Members
from profiling.signatures import KINDS, ClassSignatures, key

Floats = npt.NDArray[np.float64]
VOTERS = 10
"""With many classes only the signatures of the images' likeliest classes vote."""


@dataclass(frozen=True, slots=True)
class Feature:
    """What one number of the feature vector is.

    Attributes:
        measure: ``containment``, ``coverage``, ``coherence``, …
        kind: ``neurons`` or ``weights``; empty for measures of the layer as a whole.
        rank: 1 compares with the predicted class, 2 with the runner-up; 0 with no class.
        trend: -1 if a larger value speaks for a clean image, 1 if for an adversarial one, 0 if open.
    """

    measure: str
    layer: str
    kind: str
    rank: int
    trend: int

    @property
    def name(self) -> str:
        parts = (self.measure, self.layer, self.kind, str(self.rank) if self.rank else "")
        return "/".join(part for part in parts if part)


@dataclass(frozen=True)
class FeatureTable:
    """Features of a batch: ``values`` is float64 ``(n, f)``, one column per entry of ``features``."""

    features: tuple[Feature, ...]
    values: Floats


@dataclass(frozen=True)
class View:
    """One layer's sets of one kind beside the signatures' counts.

    Attributes:
        counts: the signatures' counts of this layer and kind, ``(k, size)``.
        images: number of images behind each signature, ``(k,)``.
        rows: signature row per rank: predicted class and runner-up, ``(2, n)``; -1 for none.
        voters: signature rows of the classes that vote, per image, ``(n, v)``; the first is the
            predicted class, the second the runner-up, -1 for none.
    """

    members: Members
    counts: npt.NDArray[np.unsignedinteger]
    images: Indices
    rows: Indices
    voters: Indices

    @cached_property
    def owner(self) -> Indices:
        """The image of each member."""
        return self.members.images

    @cached_property
    def sizes(self) -> Floats:
        """|P| per image, at least 1."""
        return np.maximum(self.members.counts, 1).astype(np.float64)

    @property
    def empty(self) -> Bits:
        return np.equal(self.members.counts, 0)

    def frequency(self, rows: Indices) -> tuple[Indices, Floats]:
        """Return count and smoothed frequency of each member in its image's signature ``rows[image]``."""
        row = rows[self.owner]
        counted = np.where(row >= 0, self.counts[row, self.members.indices], 0).astype(np.int64)
        behind = np.where(row >= 0, self.images[row], 0)
        return counted, (counted + 0.5) / (behind + 1)

    def total(self, per_member: Floats | Indices) -> Floats:
        """Add up a value per member for each image, in a fixed order."""
        sums = np.bincount(self.owner, weights=per_member, minlength=len(self.members.offsets) - 1)
        return sums.astype(np.float64, copy=False)


def containment(view: View, rank: int) -> Floats:
    """|P n P_c| / |P|; an empty path is contained (Qiu et al. 2019, section 3)."""
    counted, _ = view.frequency(view.rows[rank - 1])
    return np.where(view.empty, 1.0, view.total((counted > 0).astype(np.float64)) / view.sizes)


def mean_frequency(view: View, rank: int) -> Floats:
    """Mean over the path of how often the class uses each unit."""
    return view.total(view.frequency(view.rows[rank - 1])[1]) / view.sizes


def mean_log_frequency(view: View, rank: int) -> Floats:
    """Mean over the path of the log of how often the class uses each unit."""
    return view.total(np.log(view.frequency(view.rows[rank - 1])[1])) / view.sizes


def coverage(view: View, rank: int) -> Floats:
    """Share of the class's usual path, weighted by frequency, that this path contains."""
    rows = view.rows[rank - 1]
    smoothed_sums = (view.counts.sum(1, dtype=np.float64) + 0.5 * view.members.size) / (view.images + 1)
    usual = np.where(rows >= 0, smoothed_sums[rows], 0.5 * view.members.size)
    return view.total(view.frequency(rows)[1]) / usual


def path_size(view: View, rank: int) -> Floats:
    """log(1 + |P|)."""
    return np.log1p(view.members.counts)


def is_empty(view: View, rank: int) -> Floats:
    """1 where the path has nothing in this layer."""
    return view.empty.astype(np.float64)


def votes(view: View) -> tuple[Floats, Floats, Floats]:
    """Naive Bayes over the classes, from this layer alone.

    With LL_c = sum of log p over the path + sum of log(1 - p) elsewhere, all divided by sqrt |P|:
    LL of the predicted class minus the best other, minus the runner-up's, and as it is.
    """
    likelihood = np.stack([_log_likelihood(view, rows) for rows in view.voters.T], axis=1)
    root = np.sqrt(view.sizes)
    first, second = likelihood[:, 0], likelihood[:, 1]
    others = np.where(view.voters[:, 1:] >= 0, likelihood[:, 1:], -np.inf).max(1)
    others = np.where(np.isfinite(others), others, second)
    return (first - others) / root, (first - second) / root, first / root


def _log_likelihood(view: View, rows: Indices) -> Floats:
    """Return LL of each image under its signature ``rows[image]``."""
    _, frequency = view.frequency(rows)
    inside = view.total(np.log(frequency) - np.log1p(-frequency))
    absent = {int(row): _log_absence(view, int(row)) for row in np.unique(rows)}
    everywhere: Floats = inside + np.array([absent[int(row)] for row in rows])
    return everywhere


def _log_absence(view: View, row: int) -> float:
    """Return the sum of log(1 - p) over all units, for an image that uses none."""
    if row < 0:
        return float(view.members.size * np.log(0.5))
    occurrences = np.bincount(view.counts[row], minlength=1)
    frequency = (np.arange(len(occurrences)) + 0.5) / (view.images[row] + 1)
    return float(occurrences @ np.log1p(-frequency))


def coherence(layer: LayerPath) -> Floats:
    """Mean of net over gross contribution: how one-sided the evidence is."""
    return layer.coherence


def effort(layer: LayerPath) -> Floats:
    """Mean number of chosen synapses per wanted unit."""
    return layer.synapses / np.maximum(layer.neurons.counts, 1)


def unexplained(layer: LayerPath) -> Floats:
    """Share of wanted units for which nothing was chosen."""
    return layer.unexplained / np.maximum(layer.neurons.counts, 1)


_COMPARED: dict[str, Callable[[View, int], Floats]] = {
    "containment": containment,
    "mean_frequency": mean_frequency,
    "mean_log_frequency": mean_log_frequency,
    "coverage": coverage,
}
_SIZES: dict[str, Callable[[View, int], Floats]] = {"path_size": path_size, "empty": is_empty}
_QUALITY: dict[str, Callable[[LayerPath], Floats]] = {
    "coherence": coherence,
    "effort": effort,
    "unexplained": unexplained,
}
_VOTES = ("vote_margin", "vote_runner_up", "vote_likelihood")


def compare(paths: ImagePaths, signatures: ClassSignatures) -> FeatureTable:
    """Return the features of paths: the same path beside the predicted and the runner-up class.

    Raises:
        SignatureError: the signatures are of another layout.
    """
    if paths.layout != signatures.layout:
        raise SignatureError("the signatures record other layers than the paths; profile this network again.")
    voters = np.stack([signatures.rows(column) for column in _ranked_classes(paths)[:, :VOTERS].T], axis=1)
    columns: list[tuple[Feature, Floats]] = []
    for layer in paths.layers:
        for kind in KINDS:
            counts = signatures.counts[key(layer.shape, kind)]
            view = View(layer.members(kind), counts, signatures.images, voters[:, :2].T, voters)
            columns += _view_columns(view, layer.shape.name, kind)
        columns += [(Feature(name, layer.shape.name, "", 0, 0), f(layer)) for name, f in _QUALITY.items()]
    features, values = zip(*columns, strict=True)
    return FeatureTable(tuple(features), np.stack(values, axis=1))


def _ranked_classes(paths: ImagePaths) -> Indices:
    """Return the classes of each image by falling logit, the walk's own class first."""
    logits = paths.logits.astype(np.float64)
    logits[np.arange(len(paths)), paths.seeds] = np.inf
    return (-logits).argsort(axis=1, kind="stable")


def _view_columns(view: View, layer: str, kind: str) -> list[tuple[Feature, Floats]]:
    compared = [
        (Feature(name, layer, kind, rank, -1 if rank == 1 else 1), f(view, rank))
        for rank in (1, 2)
        for name, f in _COMPARED.items()
    ]
    voted = [(Feature(name, layer, kind, 0, -1), v) for name, v in zip(_VOTES, votes(view), strict=True)]
    sizes = [(Feature(name, layer, kind, 0, 0), f(view, 0)) for name, f in _SIZES.items()]
    return compared + voted + sizes
