"""The image files of a folder or of archives, as a list of names and a way to read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.left_out import LeftOut
from pathprint.profiling.errors import DataError

Parts = tuple[str, ...]
"""A file's name below the data set's root: its folders, and its own name."""

READ = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".bmp", ".dib", ".webp"}
"""Endings of the images that are read, in lower case."""
PACKED = {".zip", ".tar", ".parquet", ".npz"}
"""Endings of files that hold images."""
_UNREAD = {".tif", ".tiff", ".gif", ".apng", ".mpo", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".tga", ".ico"}
_UNREAD |= {".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".xpm", ".svg", ".psd", ".exr", ".hdr", ".dcm", ".dicom", ".npy"}
_UNREAD |= {".raw", ".dng", ".cr2", ".nef", ".arw"}
_SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information", "icon\r"}
_SHOWN = 3


@dataclass(frozen=True)
class Labels:
    """What is known of images whose classes do not follow from folders.

    Attributes:
        numbers: position in ``classes`` of each image, ``(n,)``.
        held_out: marks the images that are set apart for testing; None if there are none.
    """

    numbers: Indices
    classes: tuple[str, ...]
    held_out: Bits | None


@dataclass(frozen=True)
class Files:
    """Image files.

    Attributes:
        names: of the images, in an order that is that of every other process.
        read: return the bytes of image ``i``.
        labels: None if the folders are the classes.
    """

    names: Sequence[str]
    read: Callable[[int], bytes]
    left_out: LeftOut
    labels: Labels | None = None


@dataclass(frozen=True)
class Found:
    """Everything that a folder or an archive holds, by its name below it: folders and own name, with ``/`` between.

    Attributes:
        files: files that are not hidden.
        folders: folders that are not hidden.
        system: hidden files and folders, and what systems leave behind.
        links: links that cannot be followed.
    """

    files: list[str]
    folders: list[str]
    system: list[str]
    links: list[str]


def is_system(name: str) -> bool:
    """Say whether a file or folder is hidden, or one that operating systems and editors leave behind."""
    return name.startswith((".", "__MACOSX")) or name.lower() in _SYSTEM


def images_among(found: Found) -> tuple[tuple[str, ...], LeftOut]:
    """Return the names of the images that are read, folder by folder in the order of their names, and all others."""
    kinds: dict[str, list[str]] = {"images": [], "unread": [], "packed": [], "others": []}
    for file in found.files:
        kinds[_kind(ending(file))].append(file)
    left_out = LeftOut(
        system=once(found.system),
        others=once(kinds["others"]),
        unread=once(kinds["unread"]),
        packed=once(kinds["packed"]),
        empty=once(_without(found, kinds["images"], kinds["unread"])),
        links=once(found.links),
    )
    return in_order(kinds["images"]), left_out


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return names sorted folder by folder, whatever signs the folders' names hold."""
    return tuple(sorted(names, key=lambda name: name.replace("/", "\0")))


def once(names: Iterable[str]) -> tuple[str, ...]:
    """Return names sorted, each once."""
    return tuple(sorted(set(names)))


def ending(file: str) -> str:
    """Return the ending of a file's name in lower case, with its dot."""
    stem, dot, end = file.rpartition("/")[2].rpartition(".")
    return f".{end.lower()}" if stem and dot else ""


def _kind(ending: str) -> str:
    if ending in READ:
        return "images"
    if ending in _UNREAD:
        return "unread"
    return "packed" if ending in PACKED else "others"


def check_types(name: str, files: Files) -> None:
    """Check that no folder is left out as a whole because of its images' type: it may be a class.

    Raises:
        DataError: a folder holds images, all of types that are not read.
    """
    lost = sorted({folder_of(file) for file in files.left_out.unread} - _around(files.names))
    if lost:
        endings = sorted({ending(file) for file in files.left_out.unread if folder_of(file) in lost})
        shown = ", ".join([folder or "the top" for folder in lost][:_SHOWN])
        raise DataError(
            f"{name}: all images in {shown}{', …' if len(lost) > _SHOWN else ''} are of a type that is not read "
            f"({', '.join(endings)}); convert them to PNG, JPEG, BMP or WebP, or take them out of the data."
        )


def folder_of(file: str) -> str:
    """Return the folder that a file lies in, empty for the top."""
    return file.rpartition("/")[0]


def _without(found: Found, *images: list[str]) -> list[str]:
    """Return the uppermost folders that hold no image at any depth, whatever else they hold."""
    full = _around([file for group in images for file in group])
    # Archives need not list their folders.
    empty = ({"", *found.folders} | _around(found.files)) - full
    return [folder for folder in empty if folder and not empty & (_above(folder) - {""})]


def _around(files: Iterable[str]) -> set[str]:
    """Return the folders that files lie in, at any depth."""
    around: set[str] = set()
    for folder in {folder_of(file) for file in files}:
        around |= _above(folder) | {folder}
    return around


def _above(folder: str) -> set[str]:
    """Return the folders that a folder lies in, at any depth; the top is the empty name."""
    parts = folder.split("/")
    return {"/".join(parts[:end]) for end in range(len(parts))} if folder else set()
