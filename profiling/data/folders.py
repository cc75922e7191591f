"""Find the image files in a folder. Links are followed."""

from __future__ import annotations

import os
from pathlib import Path

from pathprint.profiling.data.files import Files, Found, Parts, images, is_system
from pathprint.profiling.errors import DataError

Identity = tuple[int, int]
"""Device and number of a folder on it."""


def folder_files(root: Path) -> Files:
    """Return the image files below ``root``, those behind links to files and folders included.

    Raises:
        DataError: a folder cannot be listed.
    """
    found = Found([], [], [], [])
    _list(root, (), frozenset(), found)
    return images(found, lambda parts: file_content(root.joinpath(*parts)))


def _list(folder: Path, parts: Parts, above: frozenset[Identity], found: Found) -> None:
    """Add what lies in ``folder`` to ``found``.

    Args:
        above: the folders on the way here. A link back to one of them would never end.
    """
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read: {error.strerror}.") from error
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
            _list(Path(entry.path), name, above | {here}, found)
        else:
            (found.files if Path(entry.path).is_file() else found.links).append(name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def file_content(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        DataError: it is not there, or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
