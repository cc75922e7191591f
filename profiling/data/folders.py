"""Find the image files in a folder. Links are followed."""

from __future__ import annotations

import os
from pathlib import Path

from pathprint.profiling.data.files import Files, Found, images_among, is_system
from pathprint.profiling.data.stored import LocalFile, whole_image
from pathprint.profiling.errors import DataError

Identity = tuple[int, int]
"""Device and number of a folder on it."""


def folder_files(root: Path) -> Files:
    """Return the image files below ``root``, those behind links to files and folders included.

    Raises:
        DataError: a folder cannot be listed.
    """
    found = Found([], [], [], [])
    _list(root, "", frozenset(), found)
    names, left_out = images_among(found)
    return Files(names, lambda index: whole_image(LocalFile(root / names[index])), left_out)


def _list(folder: Path, name: str, above: frozenset[Identity], found: Found) -> None:
    """Add what lies in ``folder``, which is called ``name`` below the root, to ``found``.

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
        found.links.append(name)
        return
    if name:
        found.folders.append(name)
    for entry in entries:
        inside = f"{name}/{entry.name}" if name else entry.name
        if is_system(entry.name):
            found.system.append(inside)
        elif _is_folder(entry):
            _list(Path(entry.path), inside, above | {here}, found)
        else:
            (found.files if Path(entry.path).is_file() else found.links).append(inside)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
