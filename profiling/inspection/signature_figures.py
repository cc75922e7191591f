"""Figures of class signatures: images of each class, densities of layers, similarity of classes, growth of their paths.

Growth needs no record of the order in which images came: from the counts follows how large a class path is on average
after n of its images, drawn at random (rarefaction, Hurlbert 1971, equation 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.detection.detector import ENOUGH_IMAGES
from pathprint.profiling.progress import track
from pathprint.profiling.signatures.class_rows import Row, Rows, Signatures, evenly, similarities
from pathprint.profiling.studies.findings import Sheet, decimal, percent

MOST_CLASSES = 100
"""Classes that are looked at in detail, unless another number is asked for."""
_POINTS = tuple(step * 10**power for power in range(6) for step in (1, 2, 5))
_THIN = 10
"""Classes with the fewest images that are named."""


@dataclass(frozen=True, eq=False)
class SignatureFigures:
    """Figures of class signatures.

    Attributes:
        images: number of profiled images of each class, by its name, in the order of the classes.
        missing: names of the classes that have no signature.
        labels: names of the classes that the other figures are of.
        density: share of the units in an image's path, by ``LAYER/KIND``, mean over classes.
        similar: sum over units of the smaller share of images, divided by that of the larger, of every two classes,
            ``(k, k)``: 1 for equal signatures, 0 if no unit is in both (weighted Jaccard).
        is_sampled: whether classes are compared on units drawn at random.
        grown: share of its final size that a class path has after a number of images, mean over the classes that have
            more images than that, by number; None if counts are rounded.
        new: share of an image's path that no other image of its class has, mean over classes; None if not known.
    """

    images: dict[str, int]
    missing: tuple[str, ...]
    labels: tuple[str, ...]
    density: dict[str, float]
    similar: Floats
    is_sampled: bool
    grown: dict[int, float] | None
    new: float | None

    @property
    def thin(self) -> dict[str, int]:
        """The classes with too few images for a verdict, fewest first."""
        few = {name: count for name, count in self.images.items() if count < ENOUGH_IMAGES}
        return dict(sorted(few.items(), key=lambda item: item[1]))

    def sheets(self) -> list[Sheet]:
        """Return the figures as tables."""
        return [self._images(), self._densities(), *self._growth(), self._similarities()]

    def _images(self) -> Sheet:
        counts = sorted(self.images.values())
        thin = [f"{name} ({count})" for name, count in list(self.thin.items())[:_THIN]]
        more = f" and {len(self.thin) - _THIN} more" if len(self.thin) > _THIN else ""
        rows = (
            ("classes with a signature", str(len(counts))),
            ("classes without one", _listed(self.missing)),
            ("images", str(sum(counts))),
            ("least, median, most of a class", f"{counts[0]}, {counts[len(counts) // 2]}, {counts[-1]}"),
            (f"fewer than {ENOUGH_IMAGES}", (", ".join(thin) + more) if thin else "no class"),
        )
        return Sheet("Profiled images", ("", "number"), rows)

    def _densities(self) -> Sheet:
        layers = list(dict.fromkeys(name.rpartition("/")[0] for name in self.density))
        kinds = list(dict.fromkeys(name.rpartition("/")[2] for name in self.density))
        rows = tuple((layer, *(percent(self.density[f"{layer}/{kind}"]) for kind in kinds)) for layer in layers)
        return Sheet("Share of a layer that is in the path of an image", ("layer", *kinds), rows)

    def _growth(self) -> Iterator[Sheet]:
        if self.grown is not None:
            rows = tuple((f"{number:,}", percent(share)) for number, share in self.grown.items())
            new = "" if self.new is None else f"; an image's path is {percent(self.new)} new"
            yield Sheet(f"Growth of a class path{new}", ("images", "of its final size"), rows)

    def _similarities(self) -> Sheet:
        above = np.triu_indices(len(self.labels), 1)
        order = np.argsort(-self.similar[above], kind="stable")
        pairs = [(self.labels[above[0][i]], self.labels[above[1][i]], self.similar[above][i]) for i in order]
        shown = pairs if len(pairs) <= 2 * _THIN else [*pairs[:_THIN], *pairs[-_THIN:]]
        mean = f", mean {decimal(float(self.similar[above].mean()))}" if pairs else ""
        what = "the most and the least similar pairs" if shown is not pairs else "every pair"
        rows = tuple((f"{one}, {other}", decimal(float(value))) for one, other, value in shown)
        return Sheet(f"Similarity of two classes{mean}: {what}", ("classes", "similarity"), rows)

    def notes(self) -> list[str]:
        """Return what a reader of the figures has to know."""
        found = []
        if len(self.labels) < len(self.images):
            found.append(f"densities, growth and similarity are of {len(self.labels)} of {len(self.images)} classes")
        if self.is_sampled:
            found.append("similarities are estimated on units drawn at random")
        if self.grown is None:
            found.append("growth is not known, as the counts are rounded")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-able data."""
        return {
            "images": self.images,
            "missing": list(self.missing),
            "thin": self.thin,
            "labels": list(self.labels),
            "density": self.density,
            "similarity": self.similar.tolist(),
            "similarity_is_estimated": self.is_sampled,
            "growth": None if self.grown is None else {str(number): share for number, share in self.grown.items()},
            "new": self.new,
        }


def signature_figures(
    signatures: Signatures, labels: Sequence[str], most_classes: int = MOST_CLASSES
) -> SignatureFigures:
    """Return the figures of class signatures.

    Args:
        labels: names of the network's classes.
        most_classes: classes to look at in detail; of more, this number is taken evenly.

    Raises:
        SignatureError: counts are damaged.
    """
    rows, known = Rows(signatures), signatures.classes.tolist()
    chosen = evenly(len(known), most_classes)
    read = [rows.read(row) for row in track(chosen, "looking at classes")]
    grown, new = _growth(read)
    return SignatureFigures(
        {labels[number]: int(count) for number, count in zip(known, signatures.images, strict=True)},
        tuple(label for number, label in enumerate(labels) if number not in set(known)),
        tuple(labels[known[row]] for row in chosen),
        dict(zip(rows.columns, np.mean([row.density for row in read], axis=0).tolist(), strict=True)),
        similarities(read),
        rows.is_sampled,
        grown,
        new,
    )


def _growth(read: Sequence[Row]) -> tuple[dict[int, float] | None, float | None]:
    known = [row.occurrences for row in read if row.occurrences is not None and row.occurrences[1:].any()]
    if not known:
        return None, None
    shares: dict[int, list[float]] = {}
    for occurrences in known:
        points = [point for point in _POINTS if point < len(occurrences) - 1]
        for point, size in zip(points, expected_sizes(occurrences, points), strict=True):
            shares.setdefault(point, []).append(size / occurrences[1:].sum())
    new = [occurrences[1] / (occurrences @ np.arange(len(occurrences))) for occurrences in known]
    return {point: float(np.mean(found)) for point, found in sorted(shares.items())}, float(np.mean(new))


def expected_sizes(occurrences: Indices, points: Sequence[int]) -> list[float]:
    """Return how many units the path of a class has, on average, after each number of its images drawn at random.

    Args:
        occurrences: number of units that are in the paths of 0, 1, … N images.
        points: numbers of images, at most N.
    """
    from scipy.special import gammaln

    images = len(occurrences) - 1
    counts = np.flatnonzero(occurrences)
    found = []
    for point in points:
        left = images - counts
        missed = np.zeros(len(counts))  # probability that no drawn image has the unit
        possible = left >= point
        rest = left[possible]
        missed[possible] = np.exp(
            gammaln(rest + 1) - gammaln(rest - point + 1) - gammaln(images + 1) + gammaln(images - point + 1)
        )
        found.append(float(occurrences[counts] @ (1 - missed)))
    return found


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "0"
    more = f", … ({len(names)} classes)" if len(names) > _THIN else ""
    return f"{', '.join(names[:_THIN])}{more}"
