"""Paths, the results of extraction: which units and weights carried the network's decision on each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pathprint.profiling.arrays import Bits, Counts, Indices
from pathprint.profiling.errors import OptionsError


@dataclass(frozen=True, slots=True)
class LayerShape:
    """One call of a weighted layer: its name, the shape of its output for one image, and that of its weights."""

    name: str
    neurons: tuple[int, ...]
    weights: tuple[int, ...]

    @property
    def fan_in(self) -> int:
        """Number of positions in the receptive field of one output unit."""
        return prod(self.weights[1:])

    @property
    def kind(self) -> str:
        """What the layer is, in words."""
        what, units = ("convolution", "channels") if len(self.weights) > 2 else ("linear layer", "units")
        return f"a {what} to {self.weights[0]} {units}"

    def size(self, kind: str) -> int:
        """Return how many elements the set of ``kind`` (``neurons``, ``weights``, ``synapses``) can have."""
        if kind == "synapses":
            return prod(self.neurons) * self.fan_in
        return prod(self.neurons if kind == "neurons" else self.weights)


@dataclass(frozen=True, slots=True)
class Layout:
    """The weighted layers that a path records, in forward order."""

    layers: tuple[LayerShape, ...]

    @property
    def names(self) -> list[str]:
        """The layers' names, in forward order."""
        return [shape.name for shape in self.layers]

    def to_list(self) -> list[dict[str, Any]]:
        """Return the layout as JSON-able data."""
        return [{"name": s.name, "neurons": list(s.neurons), "weights": list(s.weights)} for s in self.layers]

    @staticmethod
    def from_list(data: list[dict[str, Any]]) -> Layout:
        """Return the layout stored by ``to_list``."""
        return Layout(tuple(LayerShape(str(d["name"]), tuple(d["neurons"]), tuple(d["weights"])) for d in data))


@dataclass(frozen=True, slots=True)
class Members:
    """One set per image, sparse: image ``i`` has ``indices[offsets[i]:offsets[i + 1]]``.

    Indices are positions in a flattened tensor (C order) of length ``size``. Those of one image are
    in whatever order the kernel found them.
    """

    offsets: Indices
    indices: Indices
    size: int

    @staticmethod
    def of(mask: Bits) -> Members:
        """Return the sets of a mask ``(n, size)``."""
        images, indices = np.nonzero(mask)
        offsets = np.searchsorted(images, np.arange(len(mask) + 1))
        return Members(offsets.astype(np.int64), indices.astype(np.int64), mask.shape[1])

    @property
    def images(self) -> Indices:
        """The image that each entry of ``indices`` belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.counts)

    @property
    def counts(self) -> Counts:
        """Size of each image's set, ``(n,)``."""
        return np.diff(self.offsets)

    def one(self, image: int) -> Indices:
        """Return the set of one image."""
        return self.indices[self.offsets[image] : self.offsets[image + 1]]

    def mask(self) -> Bits:
        """Return the sets as a mask ``(n, size)``."""
        mask = np.zeros((len(self.offsets) - 1, self.size), dtype=np.bool_)
        mask[self.images, self.indices] = True
        return mask

    def totals(self, group: Indices, groups: int) -> Counts:
        """Return in how many sets of each group each element is, ``(groups, size)``, given each image's group."""
        flat = group[self.images] * self.size + self.indices
        return np.bincount(flat, minlength=groups * self.size).reshape(groups, self.size)

    @staticmethod
    def stack(sets: Sequence[Indices], size: int) -> Members:
        """Return the sets of one batch, given the indices of each image."""
        offsets = np.concatenate([[0], np.cumsum([len(one) for one in sets])])
        return Members(offsets.astype(np.int64), np.concatenate(sets), size)

    @staticmethod
    def join(parts: Sequence[Sets]) -> Members:
        """Return the sets of several batches, one after the other."""
        counts = np.concatenate([part.counts for part in parts])
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Members(offsets, np.concatenate([part.indices for part in parts]), parts[0].size)


@dataclass(frozen=True, eq=False)
class Marked:
    """One set per image, as marks on the device where they were made; listed and copied when that is asked for.

    Attributes:
        marks: not 0 where the element is in the set, bool or uint8 ``(n, size)``, C order.
        known_counts: size of each image's set, where that is known already.
    """

    marks: Tensor
    known_counts: Counts | None = None

    @property
    def size(self) -> int:
        """Length of the tensor that indices are positions in."""
        return self.marks.shape[1]

    @cached_property
    def listed(self) -> Members:
        """The sets as lists of indices, in ascending order."""
        indices = self.marks.nonzero()[:, 1].cpu().numpy()
        return Members(np.concatenate([[0], self.counts.cumsum()]), indices, self.size)

    @cached_property
    def counts(self) -> Counts:
        """Size of each image's set, ``(n,)``."""
        if self.known_counts is not None:
            return self.known_counts
        found: Counts = self.marks.sum(1, dtype=torch.int64).cpu().numpy()
        return found

    @property
    def offsets(self) -> Indices:
        """Where each image's indices begin, and the end of the last, ``(n + 1,)``."""
        return self.listed.offsets

    @property
    def indices(self) -> Indices:
        """The indices of all images, one image after the other."""
        return self.listed.indices

    @property
    def images(self) -> Indices:
        """The image that each entry of ``indices`` belongs to."""
        return self.listed.images

    def one(self, image: int) -> Indices:
        """Return the set of one image."""
        return self.listed.one(image)

    def mask(self) -> Bits:
        """Return the sets as a mask ``(n, size)``."""
        found: Bits = self.marks.bool().cpu().numpy()
        return found

    def totals(self, group: Indices, groups: int) -> Counts:
        """Return in how many sets of each group each element is, ``(groups, size)``, given each image's group."""
        found = torch.zeros(groups, self.size, dtype=torch.int32, device=self.marks.device)
        for image, number in enumerate(group.tolist()):
            found[number] += self.marks[image]
        totals: Counts = found.cpu().numpy()
        return totals


Sets = Members | Marked
"""One set per image, in either form."""


@dataclass(frozen=True, slots=True)
class LayerPath:
    """The path of a batch through one call of a weighted layer.

    Attributes:
        neurons: wanted output units.
        weights: weight elements that any chosen synapse uses.
        synapses: number of chosen (output unit, receptive-field position) pairs, ``(n,)``.
        unexplained: number of wanted units for which nothing was chosen, ``(n,)``.
        coherence: mean over wanted units of net over gross contribution, in [-1, 1], ``(n,)``.
        synapse_ids: the chosen synapses, if the policy asks for them; the synapse of output unit
            ``u`` and receptive-field position ``p`` has the number ``u * fan_in + p``.
    """

    shape: LayerShape
    neurons: Sets
    weights: Sets
    synapses: Counts
    unexplained: Counts
    coherence: npt.NDArray[np.float64]
    synapse_ids: Members | None = None

    def members(self, kind: str) -> Sets:
        """Return the sets of ``kind``: ``neurons``, ``weights`` or ``synapses``.

        Raises:
            OptionsError: synapses were not recorded.
        """
        if kind == "synapses":
            if self.synapse_ids is None:
                raise OptionsError(f"{self.shape.name}: synapses were not recorded; extract with synapses=True.")
            return self.synapse_ids
        return self.neurons if kind == "neurons" else self.weights


@dataclass(frozen=True, slots=True, eq=False)
class Unread:
    """The path of a batch through a weighted layer as a GPU has it; ``Kernel.read`` makes a ``LayerPath`` of it.

    Attributes:
        neurons, weights: marks, ``(n, size)``; see ``Marked``.
        sums: what was added up over wanted units, in the kernel's own form, ``(n, …)``.
    """

    shape: LayerShape
    neurons: Tensor
    weights: Tensor
    sums: Tensor


class Walk(NamedTuple):
    """What a walk found, on the device where it was walked.

    Attributes:
        logits: class scores, ``(n, k)``.
        seeds: the class whose logit each walk started from, int64 ``(n,)``.
        layers: in forward order.
        averages: of what weighted layers read, ``(n, d)`` each, in forward order; empty unless they were asked for.
    """

    logits: Tensor
    seeds: Tensor
    layers: tuple[LayerPath | Unread, ...]
    averages: tuple[Tensor, ...] = ()


@dataclass(frozen=True, slots=True)
class ImagePaths:
    """The effective paths of a batch of images.

    Attributes:
        logits: class scores, float32 ``(n, k)``.
        seeds: the class whose logit each walk started from, ``(n,)``.
        layers: in forward order.
        averages: of what weighted layers read, ``(n, d)`` each, in forward order; empty unless they were asked for.
    """

    logits: npt.NDArray[np.float32]
    seeds: Indices
    layers: tuple[LayerPath, ...]
    averages: tuple[npt.NDArray[np.float32], ...] = ()

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def layout(self) -> Layout:
        """The weighted layers that the paths record, in forward order."""
        return Layout(tuple(layer.shape for layer in self.layers))

    def answers(self, rows: Indices) -> ImagePaths:
        """Return what the network answered some images, without their way through its layers."""
        return ImagePaths(self.logits[rows], self.seeds[rows], ())

    @staticmethod
    def join(parts: list[ImagePaths]) -> ImagePaths:
        """Return the paths of several batches as one."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part.layers for part in parts), strict=True)
        return ImagePaths(
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.seeds for part in parts]),
            tuple(join_layer(list(column)) for column in columns),
            tuple(np.concatenate(column) for column in zip(*(part.averages for part in parts), strict=True)),
        )


def join_sets(parts: Sequence[Sets]) -> Sets:
    """Return the sets of several batches, one after the other, on the device if all are there."""
    marked = [part.marks for part in parts if isinstance(part, Marked)]
    return Marked(torch.cat(marked)) if len(marked) == len(parts) else Members.join(parts)


def join_layer(parts: list[LayerPath]) -> LayerPath:
    """Return the paths of several batches through one layer as one."""
    if len(parts) == 1:
        return parts[0]
    listed = [part.synapse_ids for part in parts if part.synapse_ids is not None]
    return LayerPath(
        parts[0].shape,
        join_sets([part.neurons for part in parts]),
        join_sets([part.weights for part in parts]),
        np.concatenate([part.synapses for part in parts]),
        np.concatenate([part.unexplained for part in parts]),
        np.concatenate([part.coherence for part in parts]),
        Members.join(listed) if listed else None,
    )
