"""Files that are read in parts. None is kept open, so threads and forked processes may read at will."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from pathprint.profiling.errors import DataError

MAX_BYTES = 1 << 28
"""Images of more bytes are not read: the largest that is accepted, not compressed, has 100 MB."""


class StoredFile(Protocol):
    """A file, wherever it lies. Its text is what people call it."""

    @property
    def name(self) -> str:
        """Last part of the path."""

    def open(self) -> BinaryIO:
        """Open the file to read parts of it. Raises DataError."""

    def read(self, start: int, size: int) -> bytes:
        """Return ``size`` bytes, fewer at the end of the file. Raises DataError."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on a disk."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.name

    def open(self) -> BinaryIO:
        """Open the file.

        Raises:
            DataError: it is not there, may not be read, or is no file with an end, such as a pipe.
        """
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # noqa: PTH116  # a path may hold a zero byte
                raise DataError(f"{self} cannot be read: it is no file.")
            return self.path.open("rb")
        except (OSError, ValueError) as error:
            raise DataError(f"{self} cannot be read: {reason(error)}.") from error

    def read(self, start: int, size: int) -> bytes:
        """Return a part of the file.

        Raises:
            DataError: it cannot be read.
        """
        with self.open() as file:
            try:
                file.seek(start)
                return file.read(size)
            except OSError as error:
                raise DataError(f"{self} cannot be read: {reason(error)}.") from error


def whole_image(file: StoredFile) -> bytes:
    """Return all bytes of a file that is an image.

    Raises:
        DataError: it cannot be read, or is too large to be an image.
    """
    content = file.read(0, MAX_BYTES + 1)
    check_size(str(file), len(content))
    return content


def check_size(where: str, size: int) -> None:
    """Check that something of ``size`` bytes may be an image that is accepted.

    Raises:
        DataError: it is too large.
    """
    if size > MAX_BYTES:
        raise DataError(f"{where} is too large for an image: at most {MAX_BYTES:,} bytes are accepted.")


def reason(error: Exception) -> str:
    """Return why something failed: what the system says, else the error's text or its type."""
    return (isinstance(error, OSError) and error.strerror) or str(error).rstrip(".") or type(error).__name__
