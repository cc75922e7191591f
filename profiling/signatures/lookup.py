"""Add up, over paths, what class signatures say of their units: the inner loop of similarity.

Everything that a feature needs of a path and some classes is a sum over the path. So each unit is
looked up once, for all classes that vote, whose counts of it lie side by side in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import Marked, Members, Sets
from pathprint.profiling.signatures.adding import RANKS, AddUp, Tables, add_up
from pathprint.profiling.signatures.counts import ClassSignatures, frequency
from pathprint.profiling.threads import in_parallel

if TYPE_CHECKING:
    from pathprint.profiling.signatures.gpu_adding import OnDevice


@dataclass(frozen=True)
class Sums:
    """Sums over the units of each image's path; a column is a (layer, kind) pair. For p see ``Lookup``.

    Attributes:
        odds: of log p - log(1 - p), for each voting class, ``(columns, n, v)``.
        contained: number of units that the class has ever used, for predicted class and runner-up,
            ``(columns, n, 2)``.
        frequency, log_frequency: of p and of log p, for predicted class and runner-up, ``(columns, n, 2)``.
    """

    odds: Floats
    contained: Floats
    frequency: Floats
    log_frequency: Floats


@dataclass(frozen=True)
class Lookup:
    """Class signatures with tables for looking up, where p = (count + 1/2) / (images + 1).

    Attributes:
        odds, frequency, log_frequency: log p - log(1 - p), p and log p for each row of the signatures
            and each count, ``(k + 1, counts)``. The last row is for classes without a signature.
    """

    signatures: ClassSignatures
    odds: Floats
    frequency: Floats
    log_frequency: Floats

    @staticmethod
    def of(signatures: ClassSignatures) -> Lookup:
        """Return ``signatures`` with their tables."""
        images = np.append(signatures.images, 0)[:, None]
        # A count above its class's images does not occur; its numbers only have to be finite.
        counts = np.minimum(np.arange(int(images.max()) + 1)[None, :], images)
        share = frequency(counts, images)
        log = np.log(share)
        return Lookup(signatures, log - np.log1p(-share), share, log)

    @cached_property
    def _by_unit(self) -> dict[str, npt.NDArray[Any]]:
        """By ``LAYER/KIND``: the counts, those of all classes for a unit side by side, ``(size, k)``."""
        dtype = np.min_scalar_type(int(self.signatures.images.max(initial=0)))  # the smaller, the more are cached
        return {name: np.ascontiguousarray(counts.T, dtype) for name, counts in self.signatures.counts.items()}

    def add_up(self, sets: Sequence[tuple[str, Sets]], voters: Indices) -> tuple[Floats, Sums]:
        """Return the sizes of paths, ``(n, columns)``, and the sums over them, ``(columns, n, …)``.

        Args:
            sets: name, ``LAYER/KIND``, and members of each column.
            voters: signature rows of the classes that vote, for each image, ``(n, v)``, those of
                predicted class and runner-up first; -1 for a class without a signature.

        Raises:
            SignatureError: there are no two voters, or the signatures lack a voter, the layer, or units of the paths.
        """
        rows = np.where(voters < 0, len(self.odds) - 1, voters)
        check_rows(rows, len(self.odds) - 1)
        for name, members in sets:
            units = self._by_unit.get(name)
            check_members(members, name, rows, None if units is None else len(units))
        marked = [members for _, members in sets if isinstance(members, Marked)]
        if len(marked) == len(sets):
            sizes, sums = self._add_up_marked([name for name, _ in sets], marked, rows)
        else:
            sums = np.stack(in_parallel(lambda item: self._add_up_listed(*item, rows), sets))
            sizes = np.stack([members.counts for _, members in sets], axis=1).astype(np.float64)
        odds, *ranked = np.split(sums, [rows.shape[1] + RANKS * part for part in range(3)], axis=-1)
        return sizes, Sums(odds, *ranked)

    def _add_up_listed(self, name: str, members: Sets, rows: Indices) -> Floats:
        """Return the sums over members of one layer and kind, ``(n, v + 6)``."""
        sums = np.zeros((len(rows), rows.shape[1] + 3 * RANKS))
        fastest()(members.offsets, members.indices, self._by_unit[name], rows, self._tables, sums)
        return sums

    def _add_up_marked(self, names: Sequence[str], marked: Sequence[Marked], rows: Indices) -> tuple[Floats, Floats]:
        """Return the sizes, and the sums over marks that lie on a GPU, ``(columns, n, v + 6)``."""
        from pathprint.profiling.signatures import gpu_adding  # Triton is there where marks are

        device = marked[0].marks.device
        if device not in self._placed:
            counts = [self._by_unit[name] for name in names]
            self._placed[device] = gpu_adding.placed(counts, self._tables, device)
        return gpu_adding.add_up(marked, self._placed[device], rows)

    @cached_property
    def _placed(self) -> dict[torch.device, OnDevice]:
        """Signatures that were brought to a device."""
        return {}

    @property
    def _tables(self) -> Tables:
        return self.odds, self.frequency, self.log_frequency

    def log_frequency_of(self, name: str, rows: Indices) -> Floats:
        """Return log p of every unit of ``name`` (``LAYER/KIND``), in each of the signature ``rows``, ``(n, size)``."""
        counts = np.where(rows[:, None] >= 0, self.signatures.counts[name][rows], 0)
        found: Floats = self.log_frequency[rows[:, None], counts]
        return found

    def share_of(self, name: str, rows: Indices) -> Floats:
        """Return in which share of a class's images each unit of ``name`` (``LAYER/KIND``) was on the path.

        Args:
            rows: of the signatures, ``(n,)``; -1 for a class without a signature, of which all shares are 0.

        Returns:
            In [0, 1], ``(n, size)``.
        """
        counts = np.where(rows[:, None] >= 0, self.signatures.counts[name][rows], 0)
        images = np.where(rows >= 0, self.signatures.images[rows], 0)
        found: Floats = counts / np.maximum(images, 1)[:, None]
        return found

    @cached_property
    def usual(self) -> dict[str, Floats]:
        """By ``LAYER/KIND``: the sum of p over all units, for each row, ``(k + 1,)``."""
        images = np.append(self.signatures.images, 0)
        totals = {name: np.append(c.sum(1, dtype=np.float64), 0) for name, c in self.signatures.counts.items()}
        sizes = {name: c.shape[1] for name, c in self.signatures.counts.items()}
        return {name: frequency(total, images, sizes[name]) for name, total in totals.items()}

    @cached_property
    def absence(self) -> dict[str, Floats]:
        """By ``LAYER/KIND``: the sum of log(1 - p) over all units, for each row, ``(k + 1,)``: LL of an empty path."""
        absent = np.log1p(-self.frequency)
        return {
            name: np.array(
                [
                    *(_occurrences(row, absent.shape[1]) @ a for row, a in zip(c, absent, strict=False)),
                    c.shape[1] * absent[-1, 0],
                ]
            )
            for name, c in self.signatures.counts.items()
        }


def check_rows(rows: Indices, known: int) -> None:
    """Refuse classes that compiled code, which checks no bounds, would read beyond the ends of its arrays.

    Args:
        rows: signature rows of the voters, ``(n, v)``; ``known`` for a class without a signature.
        known: number of signatures.
    """
    if rows.ndim != 2 or rows.shape[1] < RANKS:
        raise SignatureError(f"{RANKS} classes have to be compared at least, the predicted one and the runner-up.")
    if rows.max(initial=0) > known or rows.min(initial=0) < 0:
        raise SignatureError(f"there is no signature in row {rows.max()}; there are {known}.")


def check_members(members: Sets, name: str, rows: Indices, size: int | None) -> None:
    """Refuse units that compiled code, which checks no bounds, would read beyond the ends of its arrays.

    Args:
        rows: signature rows of the voters of each image, ``(n, v)``.
        size: number of units that the signatures have in ``name``; None if they have no such layer.
    """
    if members.size != size:
        has = "no such layer" if size is None else f"{size}"
        raise SignatureError(f"the paths have {members.size} units in {name}, the signatures {has}; profile again.")
    if isinstance(members, Marked):
        sound = len(members.marks) == len(rows)
    else:
        sound = len(members.offsets) == len(rows) + 1 and _is_sound(members)
    if not sound:
        raise SignatureError(f"the paths name units in {name} beyond its {size}, or contradict themselves.")


def _is_sound(members: Members) -> bool:
    """Say whether every set of ``members`` lies within its list, and every unit within the layer."""
    offsets, indices = members.offsets, members.indices
    ascending = offsets[0] == 0 and bool((np.diff(offsets) >= 0).all()) and offsets[-1] == len(indices)
    return bool(ascending) and indices.min(initial=0) >= 0 and indices.max(initial=-1) < members.size


@cache
def fastest() -> AddUp:
    """Return the compiled loop; where numba does not work the plain one, which is said once."""
    try:  # imported when it is first needed: numba takes a second, and brings scipy along
        from pathprint.profiling.compiled.trial import try_out
        from pathprint.profiling.signatures.compiled_adding import add_up as compiled

        try_out()
    except Exception as error:  # numba and LLVM raise dozens of unrelated types where they cannot compile
        warnings.warn(f"numba does not work here ({error}), so comparing paths is slow.", RuntimeWarning, stacklevel=2)
        return add_up
    return compiled


def _occurrences(counts: npt.NDArray[Any], length: int) -> npt.NDArray[np.int64]:
    """Return how often each of the counts 0 .. ``length`` - 1 occurs."""
    return np.bincount(counts, minlength=length)
