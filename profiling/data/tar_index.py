"""Where the members of a tar archive lie: found in one pass over its headers, and read by their places."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from tarfile import TarFile, TarInfo
from typing import BinaryIO

from pathprint.profiling.data.archives import Kind, entry_name
from pathprint.profiling.data.stored import StoredFile, check_size, reason
from pathprint.profiling.errors import DataError

_PACKED = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2", b"\xfd7zXZ": "unxz", b"\x28\xb5\x2f\xfd": "unzstd"}
"""What compressed files start with, and the program that unpacks them."""
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of a tar archive.

    Attributes:
        name: below the top of the archive.
        start: of its bytes, in the archive.
        content: its bytes, where they were asked for.
    """

    name: str
    kind: Kind
    start: int
    size: int
    content: bytes = b""


def members(archive: StoredFile, wanted: tuple[str, ...] = (), most: int = 0) -> Iterator[Member]:
    """Yield the entries of an archive, in its order.

    Args:
        wanted: endings of files whose bytes are read, too, in lower case.
        most: bytes of the largest file that is read.

    Raises:
        DataError: it is no tar archive, is compressed, or is damaged.
    """
    check_packing(archive)
    try:
        with archive.open() as file, tarfile.open(fileobj=file, mode="r:") as opened:
            while (info := opened.next()) is not None:
                opened.members.clear()  # type: ignore[attr-defined]  # a kilobyte of each
                if name := entry_name(info.name):
                    content = _wanted(opened, info, most) if name.lower().endswith(wanted) else b""
                    yield Member(_checked(name, info, archive), _kind(info), info.offset_data, info.size, content)
            _check_end(file, opened.offset, archive)
    except DataError:
        raise
    except Exception as error:  # tarfile raises many types on damaged archives
        raise DataError(
            f"{archive} is not a readable tar archive ({reason(error)}); it is damaged. Make it again."
        ) from error


def member_bytes(archive: StoredFile, name: str, start: int, size: int) -> bytes:
    """Return the bytes of a member.

    Raises:
        DataError: they cannot be read, are too large for an image, or the archive is shorter than it was.
    """
    check_size(f"{archive}: {name}", size)
    content = archive.read(start, size)
    if len(content) < size:
        raise DataError(f"{archive}: {name} cannot be read; the archive ends before it. Make the archive again.")
    return content


def check_packing(archive: StoredFile) -> None:
    """Check that an archive is not compressed: its members could not be read one by one.

    Raises:
        DataError: it is.
    """
    start = archive.read(0, 8)
    program = next((program for magic, program in _PACKED.items() if start.startswith(magic)), None)
    if program:
        raise DataError(
            f"{archive} is a compressed tar archive, of which no single image can be read; `{program}` makes a .tar "
            "of it, or unpack it and give the folder."
        )


def _checked(name: str, info: TarInfo, archive: StoredFile) -> str:
    if info.issparse():
        raise DataError(f"{archive}: {name} is stored with gaps (sparse), which is not read; make the archive again.")
    return name


def _kind(info: TarInfo) -> Kind:
    if info.isreg():
        return Kind.FILE
    return Kind.FOLDER if info.isdir() else Kind.LINK


def _wanted(opened: TarFile, info: TarInfo, most: int) -> bytes:
    """Return the bytes of a small file; nothing of what is large or no file."""
    stream = opened.extractfile(info) if info.isreg() and info.size <= most else None
    return stream.read() if stream else b""


def _check_end(file: BinaryIO, end: int, archive: StoredFile) -> None:
    """Check that an archive ends with empty blocks, or at least where an entry ends: tarfile stops at damage, too."""
    file.seek(end)
    block = file.read(_BLOCK)
    if block.strip(b"\0"):
        raise DataError(f"{archive} is damaged at byte {end:,}: no entry starts there. Make the archive again.")
