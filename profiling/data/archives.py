"""What lies in an archive, whichever system it was made on. Nothing is unpacked, so no name leads out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from pathprint.profiling.data.files import Found, is_system
from pathprint.profiling.errors import DataError

_SHOWN = 5
_DRIVE = re.compile(r"^[A-Za-z]:(?=[/\\])")


class Kind(Enum):
    """What an entry of an archive is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


def entry_name(name: str) -> str:
    """Return the name of an entry below the top of its archive, with ``/`` between folders.

    Some Windows programs write backslashes; others write names that start at the root of a disk or at the current
    folder. What makes a name absolute, a slash or a drive in front, is left out, as programs that unpack archives do.
    """
    return "/".join(part for part in re.split(r"[/\\]", _DRIVE.sub("", name)) if part not in ("", "."))


def found_in(entries: Iterable[tuple[str, Kind]], below: str) -> Found:
    """Return the entries of an archive that lie in its folder ``below``, by their names in that folder."""
    found = Found()
    start = f"{below}/" if below else ""
    for name, kind in entries:
        if name.startswith(start) and name != start:
            _add(name.removeprefix(start), kind, found)
    return found


def folder_inside(names: Iterable[str], inside: str, archive: str) -> str:
    """Return the folder ``inside`` of an archive; it may lie in the one folder that holds the whole archive.

    Raises:
        DataError: the archive has no such folder.
    """
    inside = entry_name(inside)
    if not inside:
        return ""
    folders = {name.rpartition("/")[0] for name in names}
    tops = sorted({folder.partition("/")[0] for folder in folders if folder and not is_system(folder)})
    for below in (inside, f"{tops[0]}/{inside}" if len(tops) == 1 else inside):
        if any(f"{folder}/".startswith(f"{below}/") for folder in folders):
            return below
    shown = ", ".join(tops[:_SHOWN]) + (", …" if len(tops) > _SHOWN else "")
    raise DataError(f"{archive} holds no folder {inside!r}; its folders are {shown or 'none'}.")


def _add(name: str, kind: Kind, found: Found) -> None:
    """Add an entry, called ``name`` below the folder in use, to ``found``."""
    parts = name.split("/")
    hidden = next((end for end, part in enumerate(parts, 1) if is_system(part) and part != ".."), None)
    if hidden is not None:
        found.system.append("/".join(parts[:hidden]))
    elif kind is Kind.FOLDER:
        found.folders.append(name)
    elif ".." in parts:
        found.outside.append(name)
    elif kind is Kind.LINK:
        found.links.append(name)
    else:
        found.files.append(name)
