"""What a data set holds beside the images that are used: counted, and named in one sentence."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields

log = logging.getLogger("pathprint.data")
_SHOWN = 3


@dataclass(frozen=True)
class LeftOut:
    """Names of what is left out, by the reason why.

    Attributes:
        system: what operating systems and editors leave behind: hidden files and folders, ``__MACOSX``, ``Thumbs.db``.
        others: files that are no images by their endings.
        unread: images of a type that is not read.
        packed: archives and tables beside images.
        loose: images that lie in no class folder.
        empty: folders without any image.
        links: links that lead nowhere, or back to a folder that they lie in.
        arrays: arrays of an ``.npz`` file.
    """

    system: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    packed: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()

    def report(self, name: str) -> None:
        """Log in one sentence what is left out of the data set ``name``; as a warning if it may have been meant."""
        kinds = [(kind.name, getattr(self, kind.name)) for kind in fields(self)]
        told = [_told(kind, names) for kind, names in kinds if names]
        if told:
            harmless = all(kind in ("system", "others") for kind, names in kinds if names)
            log.log(logging.INFO if harmless else logging.WARNING, "%s: left out: %s.", name, "; ".join(told))


_WORDS = {
    "system": ("hidden or system file or folder", "hidden or system files or folders"),
    "others": ("file that is no image", "files that are no images"),
    "unread": ("image of a type that is not read", "images of types that are not read"),
    "packed": ("archive or table, which may hold images", "archives or tables, which may hold images"),
    "loose": ("image in no class folder", "images in no class folder"),
    "empty": ("folder without images", "folders without images"),
    "links": ("link that leads nowhere or in a circle", "links that lead nowhere or in a circle"),
    "arrays": ("array of another name", "arrays of other names"),
}


def _told(kind: str, names: tuple[str, ...]) -> str:
    """Return how many there are of a kind, with the names of the first three."""
    one, several = _WORDS[kind]
    more = ", …" if len(names) > _SHOWN else ""
    return f"{len(names):,} {one if len(names) == 1 else several} ({', '.join(names[:_SHOWN])}{more})"
