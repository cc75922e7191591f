"""Class synapses: per class and layer, the union of the synapses in the paths of its images.

One bit per multiply-accumulate is too many for counts (0.5 GB per class for ResNet-50 uncompressed),
so they are kept as compressed sets (Roaring bitmaps), and only if asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Arrays, Floats, Indices
from pathprint.profiling.errors import MissingExtraError, SignatureError
from pathprint.profiling.paths.path import ImagePaths, Layout
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.storage import Stored

if TYPE_CHECKING:
    from pyroaring import BitMap64

SCHEMA = 1


@dataclass(frozen=True)
class ClassSynapses:
    """Which synapses are in the path of any image of a class.

    Attributes:
        extraction: fingerprint of the extractor; paths of another one do not compare.
        sets: by layer name and class number.
    """

    layout: Layout
    extraction: str
    sets: Mapping[tuple[str, int], BitMap64]

    def merge(self, other: ClassSynapses) -> ClassSynapses:
        """Return the union of both.

        Raises:
            SignatureError: they come from different networks or options.
        """
        if self.extraction != other.extraction or self.layout != other.layout:
            raise SignatureError(
                f"synapses of extraction {self.extraction[:12]}… and {other.extraction[:12]}… do not merge; "
                "both must come from the same network and the same options."
            )
        both = {**self.sets, **other.sets}
        both |= {name: self.sets[name] | other.sets[name] for name in self.sets.keys() & other.sets.keys()}
        return ClassSynapses(self.layout, self.extraction, both)

    def containment(self, paths: ImagePaths, classes: Indices) -> Floats:
        """Return |P n P_c| / |P| per image and layer, ``(n, layers)``, for the class ``c`` of each image.

        It is 1 for an empty path, else 0 for a class without synapses (Qiu et al. 2019, section 3).

        Raises:
            OptionsError: the paths have no list of synapses.
        """
        empty = _roaring()()
        columns = []
        for layer in paths.layers:
            members = layer.members("synapses")
            known = [self.sets.get((layer.shape.name, int(number)), empty) for number in classes]
            shared = [_set(members.one(i)).intersection_cardinality(own) for i, own in enumerate(known)]
            columns.append(np.where(members.counts > 0, shared / np.maximum(members.counts, 1), 1.0))
        return np.stack(columns, axis=1)

    def save(self, path: Path) -> None:
        """Write a safetensors file of portable Roaring sets; equal synapses give equal bytes."""
        facts = {"schema": SCHEMA, "layout": self.layout.to_list(), "extraction": self.extraction}
        storage.write(path, Stored(facts, self.arrays()))

    def arrays(self) -> dict[str, npt.NDArray[np.uint8]]:
        """Return portable Roaring sets by ``LAYER/CLASS``, to store; ``from_arrays`` reads them."""
        tensors = {}
        for (layer, number), members in self.sets.items():
            compact = members.copy()
            compact.run_optimize()  # into the one form that depends on the members alone
            tensors[f"{layer}/{number}"] = np.frombuffer(compact.serialize(), dtype=np.uint8)
        return tensors

    @staticmethod
    def from_arrays(layout: Layout, extraction: str, arrays: Arrays, where: str) -> ClassSynapses:
        """Return what ``arrays`` stored; ``where`` says in messages where they were found.

        Raises:
            SignatureError: a set is damaged.
            MissingExtraError: pyroaring is not installed.
        """
        roaring = _roaring()
        sizes = {shape.name: shape.size("synapses") for shape in layout.layers}
        sets = {}
        for name, array in arrays.items():
            layer, _, number = name.rpartition("/")
            data = array.tobytes()
            sets[layer, int(number)] = _checked(roaring.deserialize(data), data, sizes[layer], f"{where}: {name}")
        return ClassSynapses(layout, extraction, sets)

    @staticmethod
    def load(path: Path) -> ClassSynapses:
        """Return the synapses in ``path``.

        Raises:
            SignatureError: it is not a file of class synapses, has another schema, or has a damaged set.
            MissingExtraError: pyroaring is not installed.
        """
        _roaring()
        try:
            stored = storage.read(path, SCHEMA)
            layout = Layout.from_list(stored.facts["layout"])
            return ClassSynapses.from_arrays(layout, str(stored.facts["extraction"]), stored.arrays, str(path))
        except storage.UNREADABLE as error:
            raise SignatureError(f"{path} is not a readable file of class synapses: {storage.reason(error)}") from error


def collect(paths: ImagePaths, labels: Indices, extraction: str) -> ClassSynapses:
    """Return the synapses of a batch: the union over the images of each label.

    Raises:
        OptionsError: the paths have no list of synapses.
        MissingExtraError: pyroaring is not installed.
    """
    sets = {}
    for layer in paths.layers:
        members = layer.members("synapses")
        for number in np.unique(labels):
            own = [members.one(int(image)) for image in np.flatnonzero(labels == number)]
            sets[layer.shape.name, int(number)] = _set(np.concatenate(own))
    return ClassSynapses(paths.layout, extraction, sets)


def _set(members: Indices) -> BitMap64:
    made: BitMap64 = _roaring()(np.unique(members).astype(np.uint64))
    return made


def _checked(members: BitMap64, data: bytes, size: int, where: str) -> BitMap64:
    """Return a set that was read from ``data``.

    Raises:
        SignatureError: it is not what its bytes say, or has a synapse that its layer lacks.
    """
    numbers = np.array(members.to_array(), dtype=np.uint64)
    if not bool((numbers[1:] > numbers[:-1]).all()) or members.serialize() != data:
        raise SignatureError(f"{where} is not a Roaring set in its portable form.")
    if len(numbers) and numbers[-1] >= size:
        raise SignatureError(f"{where} has synapse number {numbers[-1]}; this layer has {size} synapses.")
    return members


def _roaring() -> Any:
    try:
        from pyroaring import BitMap64
    except ImportError as error:
        raise MissingExtraError(
            "synapses of classes need pyroaring; install the extra: pip install 'pathprint[synapses]'."
        ) from error
    return BitMap64
