"""Path density: the share of a network in the path of an image, a class or all classes (Qiu et al. 2019, section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.paths.path import Layout
from pathprint.profiling.signatures.counts import KINDS, ClassSignatures, count, key
from pathprint.profiling.signatures.synapses import ClassSynapses, collect
from pathprint.profiling.studies.defaults import DENSITY_THETAS
from pathprint.profiling.studies.findings import Drawing, Row, Sheet, percent
from pathprint.profiling.studies.subject import Subject

WHOLE = "all layers"
Elements = dict[str, Floats]
"""Number of elements of each layer in a path, ``(layers,)``, by whose path it is: image, class or network."""


@dataclass(frozen=True, slots=True)
class Point:
    """Densities at one theta.

    Attributes:
        images: number of images whose paths were counted.
        shares: share of a layer's elements that are in the path, in [0, 1], by three keys. First the kind of set; then
            whose path it is: ``image`` and ``class`` are means, ``network`` is the union of all classes; then the
            layer, or ``WHOLE`` for all layers together.
    """

    theta: float
    images: int
    shares: Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Density:
    """Path densities at several thetas."""

    facts: dict[str, Any]
    layout: Layout
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        return f"Path densities of {self.facts['network']}, at most {self.facts['images_per_class']} images per class"

    def sheets(self) -> list[Sheet]:
        sets = [(kind, of) for kind, shares in self.points[0].shares.items() for of in shares]
        names = ("", *(f"theta {point.theta:g}" for point in self.points))
        whole = tuple((f"{kind}, {of}", *self._shares(kind, of, WHOLE)) for kind, of in sets)
        found = [Sheet("Share of all layers in the path of an image, of a class, of the network", names, whole)]
        for kind, of in sets:
            rows = tuple((layer, *self._shares(kind, of, layer)) for layer in self.layout.names)
            found.append(Sheet(f"{kind}, {of}: share of each layer", names, rows))
        return found

    def _shares(self, kind: str, of: str, layer: str) -> Row:
        return tuple(percent(point.shares[kind][of][layer]) for point in self.points)

    def drawings(self) -> list[Drawing]:
        x = [point.theta for point in self.points]
        return [
            Drawing(f"{kind}, {of}", "theta", "share in the path", x, [p.shares[kind][of][WHOLE] for p in self.points])
            for kind, shares in self.points[0].shares.items()
            for of in shares
        ]

    def to_dict(self) -> dict[str, Any]:
        return {"study": "density", **self.facts, "points": [asdict(point) for point in self.points]}


def density(subject: Subject, thetas: Sequence[float] = DENSITY_THETAS, synapses: bool = False) -> Density:
    """Return path densities at each theta.

    Args:
        synapses: whether to count the unions of synapses of a class and of the network too; the synapses of single
            images are always counted.

    Raises:
        FitError: no image is predicted correctly.
        MissingExtraError: unions of synapses are asked for, and pyroaring is not installed.
    """
    points = tuple(_point(subject.at(theta=theta), synapses) for theta in sorted(thetas))
    return Density(subject.facts(), subject.extractor.layout, points)


def _point(subject: Subject, synapses: bool) -> Point:
    counted, effort, unions = _gathered(subject, synapses)
    layout, images = counted.layout, int(counted.images.sum())
    elements = {kind: _of_signatures(counted, kind) for kind in KINDS}
    elements["synapses"] = {"image": effort / images} | ({} if unions is None else _of_unions(unions))
    shares = {kind: {of: _shares(layout, kind, e) for of, e in found.items()} for kind, found in elements.items()}
    return Point(subject.extractor.policy.theta, images, shares)


def _gathered(subject: Subject, synapses: bool) -> tuple[ClassSignatures, Floats, ClassSynapses | None]:
    """Return the signatures, each layer's number of chosen synapses over all images, and their unions if asked for."""
    listing = subject.at(synapses=synapses)
    extraction, effort = listing.extractor.fingerprint, np.zeros(len(listing.extractor.layout.layers))
    counted: ClassSignatures | None = None
    unions: ClassSynapses | None = None
    for paths, labels in listing.paths():
        effort += [layer.synapses.sum() for layer in paths.layers]
        own = count(paths, labels, extraction)
        counted = own if counted is None else counted.merge(own)
        if synapses:
            listed = collect(paths, labels, extraction)
            unions = listed if unions is None else unions.merge(listed)
    assert counted is not None  # if no image is predicted correctly, paths() raises a FitError
    return counted, effort, unions


def _of_signatures(signatures: ClassSignatures, kind: str) -> Elements:
    counts = [signatures.counts[key(shape, kind)] for shape in signatures.layout.layers]
    return {
        "image": np.array([c.sum(dtype=np.int64) / signatures.images.sum() for c in counts]),
        "class": np.array([(c > 0).sum(1).mean() for c in counts]),
        "network": np.array([(c > 0).any(0).sum() for c in counts], dtype=np.float64),
    }


def _of_unions(synapses: ClassSynapses) -> Elements:
    sets = [[own for (at, _), own in synapses.sets.items() if at == name] for name in synapses.layout.names]
    return {
        "class": np.array([np.mean([len(own) for own in layer]) for layer in sets]),
        "network": np.array([len(reduce(or_, layer)) for layer in sets], dtype=np.float64),
    }


def _shares(layout: Layout, kind: str, elements: Floats) -> dict[str, float]:
    """Return the number of ``elements`` as a share of each layer, and of all layers together."""
    sizes = np.array([shape.size(kind) for shape in layout.layers], dtype=np.float64)
    shares = map(float, [elements.sum() / sizes.sum(), *(elements / sizes)])
    return dict(zip([WHOLE, *layout.names], shares, strict=True))
