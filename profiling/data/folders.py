"""Find the image files in a folder. Links are followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pathprint.profiling.data.files import Files, Found, Parts, images, is_system
from pathprint.profiling.errors import DataError

Identity = tuple[int, int]
"""Device and number of a folder on it."""
_LONGEST = 500
"""Letters of a path that a message shows."""


def folder_files(root: Path) -> Files:
    """Return the image files below ``root``, those behind links to files and folders included.

    Raises:
        DataError: a folder cannot be listed, or holds images of unread types only.
    """
    found = Found()
    waiting = [_Folder(root, (), frozenset())]
    while waiting:  # not a recursion: folders may lie deeper in one another than Python's stack is
        waiting += _listed(waiting.pop(), found)
    return images(found, str(root), lambda parts: _bytes(root.joinpath(*parts)))


class _Folder(NamedTuple):
    """A folder, called ``parts`` below the root; ``above`` are the folders on the way to it."""

    path: Path
    parts: Parts
    above: frozenset[Identity]


def _listed(folder: _Folder, found: Found) -> Iterator[_Folder]:
    """Add what lies in ``folder`` to ``found``; yield the folders in it, but for a link back to one above it."""
    path, parts, above = folder
    try:
        status = path.stat()
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"the folder {_short(path)} cannot be read: {error.strerror}; make it readable, or move it out of the data."
        ) from error
    here = (status.st_dev, status.st_ino)
    if here in above:
        found.links.append(parts)
        return
    if parts:
        found.folders.append(parts)
    for entry in entries:
        name = (*parts, entry.name)
        if is_system(entry.name):
            found.system.append(name)
        elif _is_folder(entry):
            yield _Folder(Path(entry.path), name, above | {here})
        else:
            (found.files if Path(entry.path).is_file() else found.links).append(name)


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{_short(path)} cannot be read: {error.strerror}; make it readable, or move it out of the data."
        ) from error
