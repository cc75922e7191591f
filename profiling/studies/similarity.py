"""Similarity of class paths, and containment of held-out images in them (Qiu et al. 2019, equation 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Bits, Floats, Indices
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.errors import FitError
from pathprint.profiling.paths.path import ImagePaths, Sets
from pathprint.profiling.progress import track
from pathprint.profiling.signatures.counts import KINDS, ClassSignatures, key
from pathprint.profiling.studies.findings import Drawing, Sheet, decimal, percent
from pathprint.profiling.studies.subject import Subject

_CHUNK = 64
_COLUMNS = 1 << 16
"""Elements that are counted at once; fewer than 2^24, up to which float32 counts exactly."""


@dataclass(frozen=True, eq=False)
class Alike:
    """Similarities of one kind of set.

    Attributes:
        jaccard: |A n B| / |A u B| of every two class paths A and B, all layers together, ``(k, k)``.
        layers: mean Jaccard of two different classes, by layer.
        containment: |P n A| / |P|, ``(k, k)``: mean over the paths P of held-out images of the row's class, in the path
            A of the column's class; nan if the row's class has no held-out image.
        nearest: share of held-out images whose path is contained in their own class at least as much as in any other.
    """

    jaccard: Floats
    layers: Mapping[str, float]
    containment: Floats
    nearest: float

    @property
    def between(self) -> Floats:
        """The Jaccard of every two different classes."""
        return self.jaccard[np.triu_indices(len(self.jaccard), 1)]

    @property
    def own(self) -> float:
        """Mean containment of held-out images in the path of their own class."""
        return float(np.nanmean(np.diag(self.containment)))

    @property
    def others(self) -> float:
        """Mean containment of held-out images in the path of another class."""
        return float(np.nanmean(self.containment[~np.eye(len(self.containment), dtype=bool)]))

    def to_dict(self) -> dict[str, Any]:
        between = self.between
        return {
            "mean": float(between.mean()),
            "max": float(between.max()),
            "p90": float(np.quantile(between, 0.9)),
            "own": self.own,
            "others": self.others,
            "nearest": self.nearest,
            "layers": dict(self.layers),
            "jaccard": self.jaccard.tolist(),
            "containment": self.containment.tolist(),
        }


@dataclass(frozen=True, eq=False)
class Similarity:
    """Similarities by kind of set.

    Attributes:
        labels: names of the classes that have a path, in the order of the matrices.
        held_out: number of images that containment was measured on.
    """

    facts: dict[str, Any]
    labels: tuple[str, ...]
    held_out: int
    kinds: Mapping[str, Alike]

    @property
    def title(self) -> str:
        policy = self.facts["policy"]
        return f"Similarity of the class paths of {self.facts['network']}, theta {policy['theta']:g}"

    def sheets(self) -> list[Sheet]:
        columns = ("kind", "mean", "90 %", "max", "own class", "another class", "own is nearest")
        rows = tuple((kind, *self._row(alike)) for kind, alike in self.kinds.items())
        caption = f"Jaccard of two classes; containment of {self.held_out} held-out images in a class"
        names = next(iter(self.kinds.values())).layers
        layered = tuple((name, *(decimal(a.layers[name]) for a in self.kinds.values())) for name in names)
        by_layer = Sheet("Mean Jaccard of two classes in each layer", ("layer", *self.kinds), layered)
        matrices = [self._matrix(f"{kind}: Jaccard of two classes", a.jaccard) for kind, a in self.kinds.items()]
        return [Sheet(caption, columns, rows), by_layer, *matrices]

    @staticmethod
    def _row(alike: Alike) -> tuple[str, ...]:
        found = alike.to_dict()
        shares = (percent(found[name]) for name in ("own", "others", "nearest"))
        return (*(decimal(found[name]) for name in ("mean", "p90", "max")), *shares)

    def _matrix(self, caption: str, matrix: Floats) -> Sheet:
        rows = tuple((name, *(f"{v:.2f}" for v in row)) for name, row in zip(self.labels, matrix, strict=True))
        return Sheet(caption, ("class", *self.labels), rows)

    def drawings(self) -> list[Drawing]:
        return [
            Drawing(f"{kind}, by layer", "layer", "mean Jaccard", range(1, len(a.layers) + 1), [*a.layers.values()])
            for kind, a in self.kinds.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        kinds = {kind: alike.to_dict() for kind, alike in self.kinds.items()}
        return {"study": "similarity", **self.facts, "labels": self.labels, "held_out": self.held_out, "kinds": kinds}


def similarity(subject: Subject, images: int = 200) -> Similarity:
    """Return how alike the class paths are, and how much of held-out images' paths they contain.

    Args:
        images: correctly predicted images of the fit role, at most; they were not profiled.

    Raises:
        FitError: no image of the fit role, or profile images of one class only, are predicted correctly.
        SplitError: there is no such image.
    """
    extractor = subject.extractor
    signatures = subject.signatures()
    if len(signatures.classes) < 2:
        raise FitError("only images of one class are predicted correctly; two classes are needed to compare.")
    held = correct_images(extractor.network, subject.split.fit, images)
    known = signatures.rows(held.labels.numpy()) >= 0
    chunks = [held.pixels[rows] for rows in np.array_split(np.flatnonzero(known), max(1, len(known) // _CHUNK))]
    paths = ImagePaths.join([extractor.extract(chunk) for chunk in track(chunks, "held-out images", len)])
    rows = signatures.rows(held.labels.numpy()[known])
    kinds = {kind: _alike(signatures, kind, paths, rows) for kind in KINDS}
    labels = tuple(extractor.network.labels[number] for number in signatures.classes)
    return Similarity(subject.facts(), labels, len(paths), kinds)


def _alike(signatures: ClassSignatures, kind: str, paths: ImagePaths, rows: Indices) -> Alike:
    shared = {name: _common(union) for name, union in unions(signatures, kind)}
    contained = containment(signatures, kind, paths)
    own = contained[np.arange(len(rows)), rows]
    return Alike(
        jaccard=_jaccard(np.sum(list(shared.values()), axis=0)),
        layers={name: _mean_between(_jaccard(common)) for name, common in shared.items()},
        containment=np.stack([_mean(contained[rows == row]) for row in range(len(signatures.classes))]),
        nearest=float((own >= contained.max(1)).mean()),
    )


def unions(signatures: ClassSignatures, kind: str) -> Iterator[tuple[str, Bits]]:
    """Yield each layer's name and the path of each class through it, ``(k, size)``."""
    for shape in signatures.layout.layers:
        yield shape.name, signatures.counts[key(shape, kind)] > 0


def _common(union: Bits) -> Floats:
    """Return how many elements every two classes have in common, ``(k, k)``."""
    common = np.zeros((len(union), len(union)))
    for start in range(0, union.shape[1], _COLUMNS):
        columns = union[:, start : start + _COLUMNS].astype(np.float32)
        common += columns @ columns.T
    return common


def _jaccard(common: Floats) -> Floats:
    """Return |A n B| / |A u B|; 1 where both are empty."""
    sizes = np.diag(common)
    either = sizes[:, None] + sizes - common
    found: Floats = np.where(either > 0, common / np.maximum(either, 1), 1.0)
    return found


def _mean_between(jaccard: Floats) -> float:
    return float(jaccard[np.triu_indices(len(jaccard), 1)].mean())


def _mean(rows: Floats) -> Floats:
    """Return the mean of the rows; nan if there are none."""
    found: Floats = rows.mean(0) if len(rows) else np.full(rows.shape[1], np.nan)
    return found


def containment(signatures: ClassSignatures, kind: str, paths: ImagePaths) -> Floats:
    """Return |P n P_c| / |P| of each image's path P in each class path P_c, ``(n, k)``; 1 for an empty path."""
    layers = [layer.members(kind) for layer in paths.layers]
    shared = sum(
        (_contained(members, union) for members, (_, union) in zip(layers, unions(signatures, kind), strict=True)),
        start=np.zeros((len(paths), len(signatures.classes))),
    )
    sizes = np.sum([members.counts for members in layers], axis=0)[:, None]
    found: Floats = np.where(sizes > 0, shared / np.maximum(sizes, 1), 1.0)
    return found


def _contained(members: Sets, union: Bits) -> Floats:
    """Return how many of each image's elements are in each class path, ``(n, k)``."""
    columns = []
    for own in union:  # one class at a time: there can be a thousand, and each hit takes room
        hits = np.concatenate([[0], own[members.indices].cumsum()])
        columns.append(np.diff(hits[members.offsets]))
    return np.stack(columns, axis=1).astype(np.float64)
