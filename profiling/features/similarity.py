"""Compare paths with class signatures: image paths become named features (docs/method.md).

Each measure is one small function of a ``Compared`` batch, or of its path in one layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from pathprint.profiling.arrays import Bits, Floats, Indices
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.features.table import Feature, FeatureTable
from pathprint.profiling.paths.path import ImagePaths, LayerPath, Layout
from pathprint.profiling.signatures.compact_lookup import AnyLookup
from pathprint.profiling.signatures.counts import KINDS, key
from pathprint.profiling.signatures.lookup import Sums

VOTERS = 10
"""How many classes vote at most: those with an image's largest logits."""


@dataclass(frozen=True)
class Compared:
    """The paths of a batch beside the signatures of the classes that vote; a column is a (layer, kind) pair.

    Attributes:
        sizes: size of each image's path, ``(n, columns)``.
        sums: what the signatures add up to over each image's path, ``(columns, n, …)`` each.
        usual, absence: of each voter's signature, ``(columns, n, v)``; see ``Lookup``.
        votes_for: whether each voter has a signature, ``(n, v)``.
    """

    sizes: Floats
    sums: Sums
    usual: Floats
    absence: Floats
    votes_for: Bits

    @property
    def at_least_one(self) -> Floats:
        """|P|, but 1 for an empty path, so that sums can be divided by it."""
        return np.maximum(self.sizes, 1)


def containment(view: Compared, rank: int) -> Floats:
    """|P n P_c| / |P|, and 1 for an empty path (Qiu et al. 2019, section 3)."""
    return np.where(view.sizes == 0, 1.0, view.sums.contained[..., rank - 1].T / view.at_least_one)


def mean_frequency(view: Compared, rank: int) -> Floats:
    """Mean over the path of p, the smoothed share of the class's images that use the unit."""
    return view.sums.frequency[..., rank - 1].T / view.at_least_one


def mean_log_frequency(view: Compared, rank: int) -> Floats:
    """Mean over the path of log p, of the smoothed share of the class's images that use the unit."""
    return view.sums.log_frequency[..., rank - 1].T / view.at_least_one


def coverage(view: Compared, rank: int) -> Floats:
    """Share of the class's usual path, weighted by frequency, that this path contains."""
    share: Floats = (view.sums.frequency[..., rank - 1] / view.usual[..., rank - 1]).T
    return share


def path_size(view: Compared) -> Floats:
    """log(1 + |P|)."""
    return np.log1p(view.sizes)


def is_empty(view: Compared) -> Floats:
    """1 where the path has nothing in this layer."""
    return np.equal(view.sizes, 0).astype(np.float64)


def votes(view: Compared) -> tuple[Floats, Floats, Floats]:
    """Naive Bayes over the classes that vote, from each layer and kind alone.

    The log likelihood LL of a class is the sum of log p over the units in the path, plus that of
    log(1 - p) over all others. Returned are LL of the predicted class minus the largest of all other
    voters, LL of the predicted class minus that of the runner-up, and LL of the predicted class, each
    divided by sqrt |P|.
    """
    likelihood = (view.sums.odds + view.absence).transpose(1, 0, 2)
    root = np.sqrt(view.at_least_one)
    first, second = likelihood[..., 0], likelihood[..., 1]
    others = np.where(view.votes_for[:, None, 1:], likelihood[..., 1:], -np.inf).max(-1)
    others = np.where(np.isfinite(others), others, second)
    return (first - others) / root, (first - second) / root, first / root


def coherence(layer: LayerPath) -> Floats:
    """Mean over wanted units of net over gross contribution: how one-sided the evidence is, in [-1, 1]."""
    return layer.coherence


def effort(layer: LayerPath) -> Floats:
    """Mean number of chosen synapses per wanted unit."""
    return layer.synapses / np.maximum(layer.neurons.counts, 1)


def unexplained(layer: LayerPath) -> Floats:
    """Share of wanted units for which nothing was chosen."""
    return layer.unexplained / np.maximum(layer.neurons.counts, 1)


_COMPARED: dict[str, Callable[[Compared, int], Floats]] = {
    "containment": containment,
    "mean_frequency": mean_frequency,
    "mean_log_frequency": mean_log_frequency,
    "coverage": coverage,
}
_SIZES: dict[str, Callable[[Compared], Floats]] = {"path_size": path_size, "empty": is_empty}
_QUALITY: dict[str, Callable[[LayerPath], Floats]] = {
    "coherence": coherence,
    "effort": effort,
    "unexplained": unexplained,
}
_VOTES = ("vote_margin", "vote_runner_up", "vote_likelihood")


def compare(paths: ImagePaths, lookup: AnyLookup) -> FeatureTable:
    """Return the features of paths, each compared with the signatures of its predicted class and its runner-up.

    Raises:
        SignatureError: the signatures record other layers than the paths.
    """
    if paths.layout != lookup.signatures.layout:
        raise SignatureError("the signatures record other layers than the paths; profile this network again.")
    view = _view(paths, lookup)
    compared = [measure(view, rank) for rank in (1, 2) for measure in _COMPARED.values()]
    columns = [*compared, *votes(view), *(measure(view) for measure in _SIZES.values())]
    quality = [np.stack([measure(layer) for layer in paths.layers], axis=1) for measure in _QUALITY.values()]
    return FeatureTable(_features(paths.layout), np.hstack([*columns, *quality]))


def _view(paths: ImagePaths, lookup: AnyLookup) -> Compared:
    signatures = lookup.signatures
    voters = np.stack([signatures.rows(column) for column in _ranked_classes(paths).T], axis=1)
    sets = [(key(layer.shape, kind), layer.members(kind)) for layer in paths.layers for kind in KINDS]
    sizes, sums = lookup.add_up(sets, voters)
    names = [name for name, _ in sets]
    return Compared(
        sizes,
        sums,
        np.stack([lookup.usual[name][voters] for name in names]),
        np.stack([lookup.absence[name][voters] for name in names]),
        voters >= 0,
    )


def _ranked_classes(paths: ImagePaths) -> Indices:
    """Return each image's ``VOTERS`` classes of largest logit, but first the class that its walk started from.

    Of equal logits the lower class leads.
    """
    descending = -paths.logits.astype(np.float64)
    descending[np.arange(len(paths)), paths.seeds] = -np.inf
    voters = min(VOTERS, descending.shape[1])
    last = np.partition(descending, voters - 1, axis=1)[:, voters - 1]
    # Sorting all of a thousand classes takes longer than the walk.
    among = [np.flatnonzero(~(row > end)) for row, end in zip(descending, last, strict=True)]
    return np.stack([few[row[few].argsort(kind="stable")[:voters]] for row, few in zip(descending, among, strict=True)])


@cache
def _features(layout: Layout) -> tuple[Feature, ...]:
    """Return what the columns of ``compare`` are."""
    names = [shape.name for shape in layout.layers]
    sets = [(name, kind) for name in names for kind in KINDS]
    compared = [(measure, rank, -1 if rank == 1 else 1) for rank in (1, 2) for measure in _COMPARED]
    alone = [*((vote, 0, -1) for vote in _VOTES), *((size, 0, 0) for size in _SIZES)]
    of_sets = [
        Feature(measure, name, kind, rank, trend) for measure, rank, trend in compared + alone for name, kind in sets
    ]
    return (*of_sets, *(Feature(measure, name, "", 0, 0) for measure in _QUALITY for name in names))
