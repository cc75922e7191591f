"""How class paths grow with images, and the network's path with classes (Qiu et al. 2019, figure 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures.counts import KINDS, key
from pathprint.profiling.studies.findings import Drawing, Sheet, percent
from pathprint.profiling.studies.subject import Subject

Firsts = npt.NDArray[np.unsignedinteger[Any]]
"""For each element, the number (from 1) of the first image of a class whose path has it, ``(size,)``.

Elements in no path have the largest number of the type.
"""


@dataclass(frozen=True, eq=False)
class Grown:
    """The growth of one kind of set, all layers together.

    Attributes:
        classes: share of the elements in the path of each class after each number of images,
            ``(k, points)``; nan where the class has fewer images.
        final: share of the elements in the path of each class after all its images, ``(k,)``.
        new: share of an image's path that no earlier image of its class had, mean over classes and over the
            images since the previous point, ``(points,)``.
        merged: share of the elements in the path of the first 1, 2, … classes, ``(k,)``.
        saturated: number of images after which a class path has 95 % of its final size, mean over classes.
    """

    classes: Floats
    final: Floats
    new: Floats
    merged: Floats
    saturated: float

    @property
    def mean(self) -> Floats:
        """Mean of ``classes`` at each point, over the classes with enough images for it, ``(points,)``."""
        found: Floats = np.nanmean(self.classes, axis=0)
        return found

    @property
    def range(self) -> tuple[Floats, Floats]:
        """Smallest and largest of ``classes`` at each point, over classes with enough images, ``(points,)`` each."""
        return np.nanmin(self.classes, axis=0), np.nanmax(self.classes, axis=0)

    @property
    def of_final(self) -> Floats:
        """Mean share of its final size that the path of a class has, ``(points,)``."""
        found: Floats = np.nanmean(self.classes / self.final[:, None], axis=0)
        return found


@dataclass(frozen=True, eq=False)
class Growth:
    """Growth by kind of set.

    Attributes:
        at: numbers of images, ascending; the last is the number of images of the largest class.
        images: correctly predicted images of each class, ``(k,)``.
    """

    facts: dict[str, Any]
    labels: tuple[str, ...]
    images: Indices
    at: tuple[int, ...]
    kinds: Mapping[str, Grown]

    @property
    def title(self) -> str:
        return f"Growth of the class paths of {self.facts['network']}, theta {self.facts['policy']['theta']:g}"

    def sheets(self) -> list[Sheet]:
        return [self._growth(kind, grown) for kind, grown in self.kinds.items()] + [self._merging()]

    def _growth(self, kind: str, grown: Grown) -> Sheet:
        columns = ("images", "classes", "mean class", "smallest", "largest", "of final", "new in one")
        figures = zip(grown.mean, *grown.range, grown.of_final, grown.new, strict=True)
        counts = [(str(n), str(np.count_nonzero(self.images >= n))) for n in self.at]
        rows = tuple((*n, *map(percent, found)) for n, found in zip(counts, figures, strict=True))
        return Sheet(f"{kind}: 95 % of the final size after {grown.saturated:.0f} images", columns, rows)

    def _merging(self) -> Sheet:
        merged = np.stack([grown.merged for grown in self.kinds.values()], axis=1)
        rows = tuple((str(n + 1), *map(percent, found)) for n, found in enumerate(merged))
        return Sheet("Path of the network as classes are added", ("classes", *self.kinds), rows)

    def drawings(self) -> list[Drawing]:
        found = []
        for kind, grown in self.kinds.items():
            mean, new, merged = (curve.tolist() for curve in (grown.mean, grown.new, grown.merged))
            low, high = (side.tolist() for side in grown.range)
            share, classes = "share in the path", range(1, len(merged) + 1)
            found.append(Drawing(f"{kind}, mean class", "images", share, self.at, mean, False, (low, high)))
            found.append(Drawing(f"{kind}, new", "images", "new share of a path", self.at, new))
            found.append(Drawing(f"{kind}, network", "classes", share, classes, merged, False))
        return found

    def to_dict(self) -> dict[str, Any]:
        kinds = {kind: self._kind(grown) for kind, grown in self.kinds.items()}
        images = dict(zip(self.labels, self.images.tolist(), strict=True))
        return {"study": "growth", **self.facts, "images": images, "at": list(self.at), "kinds": kinds}

    def _kind(self, grown: Grown) -> dict[str, Any]:
        classes = dict(zip(self.labels, grown.classes.tolist(), strict=True))
        curves = {"mean": grown.mean, "of_final": grown.of_final, "new": grown.new, "merged": grown.merged}
        found = {name: curve.tolist() for name, curve in curves.items()}
        final = dict(zip(self.labels, grown.final.tolist(), strict=True))
        return {"classes": classes, "final": final, **found, "saturated": grown.saturated}


def growth(subject: Subject) -> Growth:
    """Return how the path of each class grows with its images, in the order in which they are profiled.

    Raises:
        FitError: no image is predicted correctly.
    """
    gathering = _Gathering(subject)
    for paths, labels in subject.paths():
        gathering.add(paths, labels)
    there = np.flatnonzero(gathering.images)
    at = _points(int(gathering.images.max()))
    kinds = {kind: gathering.grown(kind, there, at) for kind in KINDS}
    names = tuple(subject.extractor.network.labels[number] for number in there)
    return Growth(subject.facts(), names, gathering.images[there], at, kinds)


def _points(last: int) -> tuple[int, ...]:
    """Return 1, 2, 5, 10, 20, 50, … below ``last``, then ``last``."""
    steps = (factor * 10**power for power in range(len(str(last))) for factor in (1, 2, 5))
    return (*(n for n in steps if n < last), last)


class _Gathering:
    """Collects which image of its class first had each element, and how large each image's path is."""

    def __init__(self, subject: Subject) -> None:
        self.layout = subject.extractor.layout
        classes = len(subject.extractor.network.labels)
        self.images = np.zeros(classes, dtype=np.int64)
        self.sizes = {kind: np.zeros((classes, subject.per_class + 1)) for kind in KINDS}
        self.number = np.min_scalar_type(subject.per_class + 1)
        self.never = np.iinfo(self.number).max
        self.firsts: dict[int, dict[str, Firsts]] = {}

    def add(self, paths: ImagePaths, labels: Indices) -> None:
        for image, label in enumerate(labels.tolist()):
            self.images[label] += 1
            number = self.images[label]
            firsts = self._firsts(label)
            for layer in paths.layers:
                for kind in KINDS:
                    members, first = layer.members(kind).one(image), firsts[key(layer.shape, kind)]
                    first[members] = np.minimum(first[members], number)
                    self.sizes[kind][label, number] += len(members)

    def _firsts(self, label: int) -> dict[str, Firsts]:
        """Return the first-image numbers of a class, by layer and kind; memory is taken at a class's first image."""
        if label not in self.firsts:
            self.firsts[label] = {
                key(shape, kind): np.full(shape.size(kind), self.never, dtype=self.number)
                for shape in self.layout.layers
                for kind in KINDS
            }
        return self.firsts[label]

    def _whole(self, label: int, kind: str) -> Firsts:
        """Return the first-image numbers of a class, all layers together."""
        return np.concatenate([self.firsts[label][key(shape, kind)] for shape in self.layout.layers])

    def grown(self, kind: str, classes: Indices, at: tuple[int, ...]) -> Grown:
        images, last, elements = self.images[classes], at[-1], sum(shape.size(kind) for shape in self.layout.layers)
        brought, merged = np.zeros((len(classes), last + 1)), np.zeros(len(classes))
        union = np.zeros(elements, dtype=np.bool_)
        for row, label in enumerate(classes.tolist()):
            firsts = self._whole(label, kind)
            there = firsts < self.never
            brought[row] = np.bincount(firsts[there], minlength=last + 1)
            union |= there
            merged[row] = union.mean()
        sizes, known = brought.cumsum(1), np.arange(last + 1) <= images[:, None]
        curves = np.where(known, sizes / elements, np.nan)
        with np.errstate(invalid="ignore"):  # an empty path has nothing new
            new = np.where(known, brought / self.sizes[kind][classes, : last + 1], np.nan)
        spans = zip((0, *at[:-1]), at, strict=True)
        return Grown(
            classes=curves[:, at],
            final=sizes[:, -1] / elements,
            new=np.array([np.nanmean(new[:, low + 1 : high + 1]) for low, high in spans]),
            merged=merged,
            saturated=float((sizes < 0.95 * sizes[:, -1:]).sum(1).mean()),
        )
