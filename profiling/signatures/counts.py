"""Class signatures: for each class and unit, in how many images' paths the unit is (docs/method.md).

Counts add up, so signatures of parts of the images merge, in any order, to identical bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import ImagePaths, LayerShape, Layout
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.storage import Stored

KINDS = ("neurons", "weights")
SCHEMA = 1
UnitCounts = npt.NDArray[np.unsignedinteger]


@dataclass(frozen=True, eq=False)
class ClassSignatures:
    """How often each unit and weight is in the paths of each class.

    Attributes:
        extraction: fingerprint of the extractor; paths of another one do not compare.
        classes: class numbers that have a signature, ascending, ``(k,)``.
        images: number of images that each was made from, ``(k,)``.
        counts: by ``LAYER/KIND``, unsigned ``(k, size)``.
    """

    layout: Layout
    extraction: str
    classes: Indices
    images: Indices
    counts: Mapping[str, UnitCounts]

    def rows(self, classes: Indices) -> Indices:
        """Return the row of each class; -1 for a class without a signature."""
        return rows_of(self.classes, classes)

    def merge(self, other: ClassSignatures) -> ClassSignatures:
        """Return the signatures of both image sets together.

        Raises:
            SignatureError: they come from different networks or options.
        """
        check_mergeable((self.layout, self.extraction), (other.layout, other.extraction))
        classes = np.union1d(self.classes, other.classes)
        parts = [(part, np.searchsorted(classes, part.classes)) for part in (self, other)]
        images = np.zeros(len(classes), dtype=np.int64)
        for part, rows in parts:
            images[rows] += part.images
        counts = {}
        for name, own in self.counts.items():
            total = np.zeros((len(classes), own.shape[1]), dtype=np.uint32)
            for part, rows in parts:
                total[rows] += part.counts[name]
            counts[name] = total
        return ClassSignatures(self.layout, self.extraction, classes, images, counts)

    def save(self, path: Path) -> None:
        """Write a safetensors file; equal signatures give equal bytes."""
        dtype = np.min_scalar_type(int(self.images.max(initial=0)))
        tensors = {f"counts/{name}": counts.astype(dtype) for name, counts in self.counts.items()}
        tensors |= {"classes": self.classes, "images": self.images}
        facts = {"schema": SCHEMA, "layout": self.layout.to_list(), "extraction": self.extraction}
        storage.write(path, Stored(facts, tensors))

    def _check(self, path: Path) -> None:
        """Refuse arrays that do not fit each other, which compiled code would read beyond their ends."""
        sizes = {key(shape, kind): shape.size(kind) for shape in self.layout.layers for kind in KINDS}
        fits = check_numbers(self.classes, self.images) and all(
            counts.shape == (len(self.classes), sizes[name])
            and counts.dtype.kind == "u"
            and bool((counts <= self.images[:, None]).all())
            for name, counts in self.counts.items()
        )
        if not fits:
            raise SignatureError(
                f"{path}: its counts do not fit its layout, classes and images; profile the network again."
            )

    @staticmethod
    def load(path: Path) -> ClassSignatures:
        """Return the signatures in ``path``.

        Raises:
            SignatureError: it is not a signatures file, has another schema, or is incomplete.
        """
        try:
            stored = storage.read(path, SCHEMA)
            layout, arrays = Layout.from_list(stored.facts["layout"]), stored.arrays
            counts = {name: arrays[f"counts/{name}"] for name in _names(layout)}
            found = ClassSignatures(layout, stored.facts["extraction"], arrays["classes"], arrays["images"], counts)
        except storage.UNREADABLE as error:
            raise SignatureError(f"{path} is not a readable signatures file: {storage.reason(error)}") from error
        found._check(path)
        return found


def count(paths: ImagePaths, labels: Indices, extraction: str) -> ClassSignatures:
    """Return the signatures of a batch: in how many paths of the images of each label each unit is."""
    classes, row = np.unique(labels, return_inverse=True)
    counts: dict[str, UnitCounts] = {}
    for layer in paths.layers:
        for kind in KINDS:
            counts[key(layer.shape, kind)] = layer.members(kind).totals(row, len(classes)).astype(np.uint32)
    return ClassSignatures(paths.layout, extraction, classes, np.bincount(row, minlength=len(classes)), counts)


def check_numbers(classes: npt.NDArray[Any], images: npt.NDArray[Any]) -> bool:
    """Say whether these can be the classes of signatures, ascending, and the number of images of each."""
    numbers = (classes, images)
    sound = all(a.dtype.kind in "iu" and a.ndim == 1 and a.min(initial=0) >= 0 for a in numbers)
    return sound and len(classes) == len(images) and bool((np.diff(classes.astype(np.int64)) > 0).all())


def check_mergeable(one: tuple[Layout, str], other: tuple[Layout, str]) -> None:
    """Refuse to merge signatures, each given by layout and extraction, of different networks or options."""
    if one != other:
        raise SignatureError(
            f"signatures of extraction {one[1][:12]}… and {other[1][:12]}… do not merge; "
            "both must come from the same network and the same options."
        )


def rows_of(known: Indices, classes: Indices) -> Indices:
    """Return the position of each of ``classes`` among the ``known`` ones, which ascend; -1 where it is not there."""
    at = np.searchsorted(known, classes).clip(max=max(len(known) - 1, 0))
    found = known[at] == classes if len(known) else np.zeros(len(classes), dtype=bool)
    return np.where(found, at, -1)


def frequency(counts: npt.NDArray[Any], images: npt.NDArray[Any], units: int = 1) -> Floats:
    """Return (count + 1/2) / (images + 1), the smoothed share of a class's images whose paths contain a unit.

    Args:
        units: number of units that each count is the sum over; then the sum of their shares is returned.
    """
    smoothed: Floats = (counts + 0.5 * units) / (images + 1)
    return smoothed


def key(shape: LayerShape, kind: str) -> str:
    """Return the name of a layer's counts of ``kind``."""
    return f"{shape.name}/{kind}"


def _names(layout: Layout) -> list[str]:
    return [key(shape, kind) for shape in layout.layers for kind in KINDS]
