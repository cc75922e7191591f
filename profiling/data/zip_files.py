"""Images in a zip archive. Its directory is kept as an array of numbers: 32 bytes an image."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterable
from io import BytesIO
from zipfile import ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt

from pathprint.profiling.data.archives import Kind, entry_name, folder_inside, found_in
from pathprint.profiling.data.files import Files, images_among
from pathprint.profiling.data.stored import StoredFile, check_size, reason
from pathprint.profiling.errors import DataError

_ENCRYPTED = 1
_UTF8 = 0x800
"""Bits of an entry's flags."""
_HEADER = struct.Struct("<26xHH")
"""Header before the bytes of an entry; it ends with the lengths of two fields that follow it."""
_FIELDS = 1024
"""Bytes that these two fields may have to be read together with the entry."""
_Entry = np.dtype(
    [("start", "<i8"), ("packed", "<i8"), ("size", "<i8"), ("crc", "<u4"), ("method", "<u2"), ("flags", "<u2")]
)


def zip_files(archive: StoredFile, inside: str) -> Files:
    """Return the image files of a zip archive.

    Args:
        inside: folder of the archive to use, empty for all of it.

    Raises:
        DataError: it is no zip archive, is locked by a password, or has no folder ``inside``.
    """
    entries = {name: entry for entry in _directory(archive) if (name := entry_name(entry.filename))}
    below = folder_inside(entries, inside, str(archive))
    names, left_out = images_among(found_in(((name, _kind(entry)) for name, entry in entries.items()), below))
    start = f"{below}/" if below else ""
    table = _table(entries[start + name] for name in names)
    _check_passwords(table, names, archive)

    def read(index: int) -> bytes:
        return _content(archive, start + names[index], table[index])

    return Files(names, read, left_out)


def _directory(archive: StoredFile) -> list[ZipInfo]:
    try:
        with archive.open() as file, ZipFile(file) as opened:
            return opened.infolist()
    except DataError:
        raise
    except Exception as error:  # zipfile raises many types on damaged archives
        raise DataError(f"{archive} is not a readable zip archive: {reason(error)}.") from error


def _kind(entry: ZipInfo) -> Kind:
    if entry.is_dir() or entry.filename.endswith("\\"):
        return Kind.FOLDER
    return Kind.LINK if stat.S_ISLNK(entry.external_attr >> 16) else Kind.FILE


def _table(entries: Iterable[ZipInfo]) -> npt.NDArray[np.void]:
    return np.fromiter(
        (
            (entry.header_offset, entry.compress_size, entry.file_size, entry.CRC, entry.compress_type, entry.flag_bits)
            for entry in entries
        ),
        dtype=_Entry,
    )


def _check_passwords(table: npt.NDArray[np.void], names: tuple[str, ...], archive: StoredFile) -> None:
    locked = np.flatnonzero(table["flags"] & _ENCRYPTED)
    if len(locked):
        raise DataError(
            f"{archive}: {len(locked)} of {len(names)} images are locked by a password ({names[locked[0]]}, …); unpack "
            "the archive, and give the folder."
        )


def _content(archive: StoredFile, name: str, entry: np.void) -> bytes:
    check_size(f"{archive}: {name}", int(entry["size"]))
    packed = _packed(archive, entry)
    try:
        # One read and no lock: threads do not wait for each other, and a forked process shares no position.
        with _OneEntry(BytesIO(packed)) as opened:
            return opened.read(_info(entry, packed))
    except Exception as error:  # zipfile and its decompressors raise many types on damaged entries
        raise DataError(
            f"{archive}: {name} cannot be read ({reason(error)}); the archive is damaged, or packed in a way that is "
            "not read. Make it again."
        ) from error


def _packed(archive: StoredFile, entry: np.void) -> bytes:
    """Return an entry's header and its bytes as they are stored."""
    start, size = int(entry["start"]), int(entry["packed"])
    check_size(f"{archive}: an entry", size)
    packed = archive.read(start, _HEADER.size + _FIELDS + size)
    if len(packed) < _HEADER.size:
        return packed
    whole = _HEADER.size + sum(_HEADER.unpack_from(packed)) + size
    return packed if whole <= len(packed) else archive.read(start, whole)


def _info(entry: np.void, packed: bytes) -> ZipInfo:
    """Return what the directory says of an entry that stands at the start of ``packed``."""
    length = _HEADER.unpack_from(packed)[0]
    name = packed[_HEADER.size : _HEADER.size + length].decode("utf-8" if entry["flags"] & _UTF8 else "cp437")
    info = ZipInfo(name)
    info.orig_filename = name
    info.header_offset = 0
    info.compress_size, info.file_size, info.CRC = int(entry["packed"]), int(entry["size"]), int(entry["crc"])
    info.compress_type, info.flag_bits = int(entry["method"]), int(entry["flags"])
    return info


class _OneEntry(ZipFile):
    """A zip archive whose directory has been read before."""

    def _RealGetContents(self) -> None:  # noqa: N802
        """Read no directory."""
