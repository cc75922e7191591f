"""Images in tar archives: class folders in one archive, or samples of WebDataset in one or several."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np

from pathprint.profiling.data.archives import Kind, folder_inside, found_in
from pathprint.profiling.data.files import Files, images_among, once
from pathprint.profiling.data.labels import held_out_by_name, labels_of
from pathprint.profiling.data.left_out import LeftOut
from pathprint.profiling.data.samples import LABELS, as_samples, has_labels
from pathprint.profiling.data.stored import StoredFile
from pathprint.profiling.data.tar_index import Member, member_bytes, members

_MOST = 1 << 20
"""Bytes of a file with a label."""


@dataclass(frozen=True)
class _Index:
    """Entries of archives: number of the archive, first byte, and size of each; a later entry of a name counts."""

    archive: array[int] = field(default_factory=lambda: array("i"))
    start: array[int] = field(default_factory=lambda: array("q"))
    size: array[int] = field(default_factory=lambda: array("q"))

    def add(self, archive: int, member: Member) -> None:
        self.archive.append(archive)
        self.start.append(member.start)
        self.size.append(member.size)

    def at(self, positions: Iterable[int]) -> _Index:
        """Return some of the entries."""
        chosen = list(positions)
        return _Index(
            *(array(own.typecode, map(own.__getitem__, chosen)) for own in (self.archive, self.start, self.size))
        )

    def read(self, archives: Sequence[StoredFile], name: str, entry: int) -> bytes:
        return member_bytes(archives[self.archive[entry]], name, self.start[entry], self.size[entry])


def tar_files(archive: StoredFile, inside: str, labelled: bool) -> Files:
    """Return the image files of a tar archive.

    Args:
        inside: folder of the archive to use, empty for all of it.
        labelled: labels are wanted: those of samples, if the archive holds them, else images lie in class folders.

    Raises:
        DataError: it is no tar archive, is compressed or damaged, has no folder ``inside``, or some of its images have
            labels and others have none.
    """
    index, kinds, labels = _read([archive], labelled)
    if not inside and has_labels(kinds, labels):
        return _samples([archive], index, kinds, labels)
    below = folder_inside(kinds, inside, str(archive))
    names, left_out = images_among(found_in(((name, kind) for name, (kind, _) in kinds.items()), below))
    start = f"{below}/" if below else ""
    own = index.at(kinds[start + name][1] for name in names)
    return Files(names, lambda i: own.read([archive], names[i], i), left_out)


def shard_files(archives: Sequence[StoredFile], labelled: bool) -> Files:
    """Return the images in several tar archives, each as ``ARCHIVE/NAME``, and their labels.

    Args:
        labelled: labels are wanted, those of samples as WebDataset keeps them.

    Raises:
        DataError: one is no tar archive, is compressed or damaged; images have no labels.
    """
    index, kinds, labels = _read(archives, labelled)
    if labelled:
        return _samples(archives, index, kinds, labels)
    names, left_out = images_among(found_in(((name, kind) for name, (kind, _) in kinds.items()), ""))
    own = index.at(kinds[name][1] for name in names)
    return Files(names, lambda i: own.read(archives, names[i], i), left_out)


def _read(
    archives: Sequence[StoredFile], labelled: bool
) -> tuple[_Index, dict[str, tuple[Kind, int]], dict[str, bytes]]:
    """Return where all entries lie, what and which entry each name is, and the files that may hold labels."""
    index, kinds, labels = _Index(), dict[str, tuple[Kind, int]](), dict[str, bytes]()
    names = shard_names(archives)
    for number, archive in enumerate(archives):
        for member in members(archive, LABELS if labelled else (), _MOST):
            name = f"{names[number]}/{member.name}" if len(archives) > 1 else member.name
            kinds[name] = member.kind, len(index.start)
            index.add(number, member)
            if labelled and member.content:
                labels[name] = member.content
    return index, kinds, labels


def shard_names(files: Sequence[StoredFile]) -> list[str]:
    """Return what to call each of several files: its path below the folder that they have in common."""
    paths = [str(file).split("/") for file in files]
    shared = zip(*(path[:-1] for path in paths), strict=False)
    depth = sum(1 for _ in takewhile(lambda folders: len(set(folders)) == 1, shared))
    return ["/".join(path[depth:]) for path in paths]


def _samples(
    archives: Sequence[StoredFile], index: _Index, kinds: dict[str, tuple[Kind, int]], labels: dict[str, bytes]
) -> Files:
    where = str(archives[0]) if len(archives) == 1 else f"{archives[0]} and {len(archives) - 1} more"
    found = found_in(((name, kind) for name, (kind, _) in kinds.items()), "")
    samples = as_samples(where, found.files, labels)
    own = index.at(kinds[name][1] for name in samples.names)
    marks = held_out_by_name(shard_names(archives))
    held_out = np.array(marks)[np.array(own.archive)] if marks else None
    labelled = labels_of(where, samples.labels, held_out)
    left_out = LeftOut(system=once(found.system), others=once(samples.others), links=once(found.links))
    return Files(samples.names, lambda i: own.read(archives, samples.names[i], i), left_out, labelled)
