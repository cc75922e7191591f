"""Find the image files in a zip archive, whichever system it was made on."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from pathprint.profiling.data.files import Files, Found, Parts, images, is_system, joined
from pathprint.profiling.errors import DataError

_ENCRYPTED = 1
"""Bit of an entry's flags."""
_SHOWN = 5
_DRIVE = re.compile(r"^[A-Za-z]:(?=[/\\])")


def archive_files(path: Path, inside: str) -> Files:
    """Return the image files of the archive at ``path``.

    Args:
        inside: folder of the archive to use, empty for all of it.

    Raises:
        DataError: it is no zip archive, is locked by a password, has no folder ``inside``, or holds a folder with
            images of unread types only.
    """
    archive = _opened(path)
    entries = {parts: entry for entry in archive.infolist() if (parts := _parts(entry.filename))}
    below = _below(list(entries), _parts(inside), path)
    found = Found()
    for parts in entries:
        if parts[: len(below)] == below and len(parts) > len(below):
            _add(entries[parts], parts[len(below) :], found)

    def entry(parts: Parts) -> ZipInfo:
        return entries[(*below, *parts)]

    files = images(
        found, f"{path}:{inside}" if inside else str(path), lambda parts: _bytes(archive, entry(parts), path)
    )
    _check_passwords([entry(parts) for parts in files.names], path)
    return files


def _opened(path: Path) -> ZipFile:
    try:
        return ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} is not a readable zip archive: {error}; make it again, or give a folder.") from error


def _parts(name: str) -> Parts:
    """Return the folders and the name in an entry's name. Some Windows programs write backslashes between them.

    What makes a name absolute, a slash or a drive in front, is left out, as programs that unpack archives do.
    """
    return tuple(part for part in re.split(r"[/\\]", _DRIVE.sub("", name)) if part not in ("", "."))


def _below(names: list[Parts], inside: Parts, path: Path) -> Parts:
    """Return the folder ``inside`` of an archive; it may lie in the one folder that holds the whole archive."""
    tops = sorted({parts[0] for parts in names if len(parts) > 1 and not is_system(parts[0])})
    for root in ((), *((top,) for top in tops if len(tops) == 1)):
        below = (*root, *inside)
        if not inside or any(parts[: len(below)] == below and len(parts) > len(below) for parts in names):
            return below if inside else ()
    shown = ", ".join(tops[:_SHOWN]) + (", …" if len(tops) > _SHOWN else "")
    raise DataError(f"{path} holds no folder {'/'.join(inside)!r}; its folders are {shown or 'none'}.")


def _add(entry: ZipInfo, parts: Parts, found: Found) -> None:
    """Add an entry, called ``parts`` below the folder in use, to ``found``."""
    hidden = next((end for end, part in enumerate(parts, 1) if is_system(part) and part != ".."), None)
    if hidden is not None:
        found.system.append(parts[:hidden])
    elif entry.is_dir() or entry.filename.endswith("\\"):
        found.folders.append(parts)
    elif ".." in parts:
        found.outside.append(parts)
    elif stat.S_ISLNK(entry.external_attr >> 16):
        found.links.append(parts)
    else:
        found.files.append(parts)


def _check_passwords(entries: list[ZipInfo], path: Path) -> None:
    locked = [_parts(entry.filename) for entry in entries if entry.flag_bits & _ENCRYPTED]
    if locked:
        raise DataError(
            f"{path}: {len(locked)} of {len(entries)} images are locked by a password ({joined(locked)[0]}, …); unpack "
            "the archive, and give the folder."
        )


def _bytes(archive: ZipFile, entry: ZipInfo, path: Path) -> bytes:
    try:
        return archive.read(entry)
    except Exception as error:  # zipfile and its decompressors raise many types on damaged entries
        raise DataError(
            f"{path}: {entry.filename} cannot be read ({error or type(error).__name__}); the archive is damaged, or "
            "packed in a way that is not read. Make it again."
        ) from error
