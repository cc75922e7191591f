"""Files behind URLs, through fsspec. Credentials come from the environment, as each file system reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from pathprint.profiling.data.files import Files, Found, images_among, is_system
from pathprint.profiling.data.stored import reason, whole_image
from pathprint.profiling.errors import DataError, MissingExtraError, ProfilingError


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file behind a URL.

    Attributes:
        url: names the file system, and where its connections and credentials are looked for.
        path: of the file, as the file system calls it.
    """

    url: str
    path: str

    def __str__(self) -> str:
        return self.path if "://" in self.path else f"{self.url.partition('://')[0]}://{self.path.lstrip('/')}"

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("/")[2]

    def open(self) -> BinaryIO:
        """Open the file; what is read of it is loaded from where it lies.

        Raises:
            DataError: it is not there, or cannot be reached.
        """
        with _reaching(str(self)):
            return cast(BinaryIO, file_system(self.url).open(self.path, "rb"))

    def read(self, start: int, size: int) -> bytes:
        """Return a part of the file, in one request.

        Raises:
            DataError: it is not there, or cannot be reached.
        """
        with _reaching(str(self)):
            return bytes(file_system(self.url).cat_file(self.path, start=start, end=start + size))


def remote_file(url: str) -> RemoteFile:
    """Return the file behind a URL, without a look at it."""
    return RemoteFile(url, _path(url))


def is_remote_folder(url: str) -> bool:
    """Say whether a URL names a folder.

    Raises:
        DataError: what lies there cannot be reached.
    """
    with _reaching(url):
        return bool(file_system(url).isdir(_path(url)))


def matching_files(patterns: tuple[str, ...]) -> list[RemoteFile]:
    """Return the files that URLs with ``*``, ``?`` or ``[…]`` stand for.

    Raises:
        DataError: there is none, or they cannot be reached.
    """
    found = []
    for pattern in patterns:
        with _reaching(pattern):
            paths = sorted(file_system(pattern).glob(_path(pattern)))
        if not paths:
            raise DataError(f"there is no file {pattern}.")
        found += [RemoteFile(pattern, str(path)) for path in paths]
    return found


def remote_folder_files(url: str) -> Files:
    """Return the image files below a URL. Each is loaded when it is read.

    Raises:
        DataError: nothing is there, or it cannot be reached.
    """
    root = _path(url).rstrip("/")
    with _reaching(url):
        system = file_system(url)
        paths = system.find(root)
        system.invalidate_cache()  # it keeps more of each file than its name
    if not paths:
        raise DataError(f"there is no data at {url}.")
    found = Found([], [], [], [])
    for path in paths:
        _add(str(path).removeprefix(root).lstrip("/"), found)
    names, left_out = images_among(found)
    return Files(names, lambda index: whole_image(RemoteFile(url, f"{root}/{names[index]}")), left_out)


def file_system(url: str) -> Any:
    """Return what reads the files of a URL. It is made once in each process.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(url)[0]
    except ImportError as error:
        raise MissingExtraError(f"{url} needs more: {error}. pip install 'pathprint[remote]' brings it.") from error


def _path(url: str) -> str:
    """Return what the file system of a URL calls the file there."""
    with _reaching(url):
        from fsspec.core import url_to_fs

        file_system(url)
        return str(url_to_fs(url)[1])


def _add(name: str, found: Found) -> None:
    parts = name.split("/")
    hidden = next((end for end, part in enumerate(parts, 1) if is_system(part)), None)
    if hidden is not None:
        found.system.append("/".join(parts[:hidden]))
    elif parts[-1]:
        found.files.append(name)


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Turn whatever goes wrong on the way to a URL into one sentence."""
    try:
        yield
    except ProfilingError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"there is no data at {url}.") from error
    except PermissionError as error:
        raise DataError(
            f"{url} may not be read ({reason(error)}); give credentials in the environment, as fsspec reads them."
        ) from error
    except Exception as error:  # each file system raises types of its own
        raise DataError(
            f"{url} cannot be reached ({type(error).__name__}: {reason(error)}); check the address, the network and "
            "the credentials in the environment."
        ) from error
