"""The image files of a folder or of a zip archive, as a list of names and a way to read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pathprint.profiling.data.left_out import LeftOut
from pathprint.profiling.errors import DataError

Parts = tuple[str, ...]
"""A file's name below the data set's root: its folders, and its own name."""

READ = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".bmp", ".dib", ".webp"}
"""Endings of the images that are read, in lower case."""
_UNREAD = {".tif", ".tiff", ".gif", ".apng", ".mpo", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".tga", ".ico"}
_UNREAD |= {".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".xpm", ".svg", ".psd", ".exr", ".hdr", ".dcm", ".dicom", ".npy"}
_UNREAD |= {".raw", ".dng", ".cr2", ".nef", ".arw"}
_SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information", "icon\r"}
_SHOWN = 3


@dataclass(frozen=True)
class Files:
    """Image files.

    Attributes:
        names: of the images, sorted.
        read: return the bytes of a file.
    """

    names: tuple[Parts, ...]
    read: Callable[[Parts], bytes]
    left_out: LeftOut


@dataclass(frozen=True)
class Found:
    """Everything that a folder or an archive holds.

    Attributes:
        files: files that are not hidden.
        folders: folders that are not hidden.
        system: hidden files and folders, and what systems leave behind.
        links: links that cannot be followed.
        outside: entries of an archive whose names lead out of it.
    """

    files: list[Parts] = field(default_factory=list)
    folders: list[Parts] = field(default_factory=list)
    system: list[Parts] = field(default_factory=list)
    links: list[Parts] = field(default_factory=list)
    outside: list[Parts] = field(default_factory=list)


def is_system(name: str) -> bool:
    """Say whether a file or folder is hidden, or one that operating systems and editors leave behind."""
    return name.startswith((".", "__MACOSX")) or name.lower() in _SYSTEM


def images(found: Found, name: str, read: Callable[[Parts], bytes]) -> Files:
    """Return the images among what was found at ``name``.

    Raises:
        DataError: a folder holds images, all of types that are not read.
    """
    kept = sorted(file for file in found.files if _ending(file) in READ)
    unread = sorted(file for file in found.files if _ending(file) in _UNREAD)
    _check_types(name, kept, unread)
    others = sorted(set(found.files) - set(kept) - set(unread))
    left_out = LeftOut(
        system=joined(found.system),
        others=joined(others),
        unread=joined(unread),
        empty=joined(_without(found, kept, unread)),
        links=joined(found.links),
        outside=joined(found.outside),
    )
    return Files(tuple(kept), read, left_out)


def joined(names: Iterable[Parts]) -> tuple[str, ...]:
    """Return names as people write them, each once, sorted."""
    return tuple(sorted({"/".join(parts) for parts in names}))


def _ending(file: Parts) -> str:
    return PurePosixPath(file[-1]).suffix.lower()


def _check_types(name: str, kept: list[Parts], unread: list[Parts]) -> None:
    """Refuse a folder that would be left out as a whole because of its images' type."""
    lost = sorted({file[:-1] for file in unread} - _around(kept))
    if lost:
        endings = sorted({_ending(file) for file in unread if file[:-1] in lost})
        shown = ", ".join(["/".join(folder) or "the top" for folder in lost][:_SHOWN])
        raise DataError(
            f"{name}: all images in {shown}{', …' if len(lost) > _SHOWN else ''} are of a type that is not read "
            f"({', '.join(endings)}); convert them to PNG, JPEG, BMP or WebP, or take them out of the data."
        )


def _without(found: Found, *images: list[Parts]) -> list[Parts]:
    """Return the uppermost folders that hold no image at any depth, whatever else they hold."""
    full = _around([file for group in images for file in group])
    # Archives need not list their folders.
    empty = ({(), *found.folders} | _around(found.files)) - full
    return [folder for folder in empty if folder and not any(folder[:end] in empty for end in range(1, len(folder)))]


def _around(files: list[Parts]) -> set[Parts]:
    """Return the folders that files lie in, at any depth."""
    return {file[:end] for file in files for end in range(len(file))}
