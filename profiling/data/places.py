"""Where a data set lies. Nothing slow is imported here, so that a wrong place is refused at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from glob import glob, has_magic
from importlib.util import find_spec
from itertools import product
from pathlib import Path

from pathprint.profiling.errors import DataError, MissingExtraError

DIGITS = "digits"
"""The data set that comes with scikit-learn."""
LIST = "@"
"""What stands before the name of a text file that lists images."""
KNOWN = "digits, a folder, FILE.zip[:FOLDER], FILE.tar[:FOLDER], FILE.parquet, FILE.npz, or a URL of one of these"
"""What may be given as data."""
_URL = re.compile(r"[a-z][a-z0-9+.-]*(?:://|::)")
_LOCAL = re.compile(r"(?:file|local)://")
_INSIDE = re.compile(r"(.*?\.(?:zip|tar)):(?!:)(.*)", re.IGNORECASE | re.DOTALL)
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MODULES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}
_MOST = 1_000_000
"""Files that braces may stand for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where data lie.

    Attributes:
        path: a file or folder, on a disk or as a URL; the pattern itself where several files are meant.
        inside: the folder to use of a folder or archive, empty for the whole of it.
        files: the files that a pattern stands for, in the order of their names. Those of a URL may be patterns.
    """

    path: str
    inside: str = ""
    files: tuple[str, ...] = ()


def is_url(path: str) -> bool:
    """Say whether a path names something that does not lie on a disk of this machine."""
    return _URL.match(path) is not None


def place_of(spec: str) -> Place:
    """Return the place that ``spec`` names: a file or folder, or ``PLACE:FOLDER`` for a folder in it; not ``digits``.

    ``@FILE`` names a list of images. ``part-{000..123}.tar`` and ``part-*.tar`` name several files. A name that holds
    a colon itself, or the signs of a pattern, is understood if it exists. What a URL names is not looked for.

    Raises:
        DataError: nothing is there, or ``FOLDER`` is not there, or lies in what holds no folders.
        MissingExtraError: it is a URL, and what reads it is not installed.
    """
    if spec.startswith(LIST):
        return _list(spec)
    if _LOCAL.match(spec):
        return place_of(_LOCAL.sub("", spec, count=1))
    return _remote(spec) if is_url(spec) else _local(spec)


def _local(spec: str) -> Place:
    text = str(Path(spec))
    path = Path(text)
    while not _exists(path):
        before, _, _ = str(path).rpartition(":")
        if not before:
            return _several(spec)
        path = Path(before)
    inside = text[len(str(path)) :].replace("\\", "/").lstrip(":/").rstrip("/")
    _check_inside(path, inside)
    return Place(str(path), inside)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False


def _list(spec: str) -> Place:
    path = Path(spec.removeprefix(LIST))
    if not path.is_file():
        raise DataError(f"there is no list of files at {path}; {LIST}FILE names a text file with a path in each line.")
    return Place(str(path))


def _several(spec: str) -> Place:
    """Return the files that a pattern stands for."""
    expanded = _expanded(spec)
    if len(expanded) == 1 and not has_magic(expanded[0]):
        raise DataError(f"there is no data at {_named(spec)}; pass {KNOWN}.")
    files: list[str] = []
    for path in expanded:
        # Path.glob takes no pattern that starts at the root.
        found = sorted(glob(path)) if has_magic(path) else [path] * _exists(Path(path))  # noqa: PTH207
        if not found:
            raise DataError(f"there is no file {path}, which {spec} stands for.")
        files += found
    return Place(spec, files=tuple(files))


def _expanded(spec: str) -> tuple[str, ...]:
    """Return what ``{000..123}`` in a name stands for, with as many digits as are written."""
    parts = _BRACES.split(spec)
    ranges = [range(int(first), int(last) + 1) for first, last in zip(parts[1::3], parts[2::3], strict=True)]
    count = 1
    for numbers in ranges:
        count *= len(numbers)
    if not 1 <= count <= _MOST:
        raise DataError(
            f"{spec} stands for {count:,} files; braces like {{000..123}} count upwards, to {_MOST:,} files."
        )
    widths = [len(first) for first in parts[1::3]]
    return tuple(_filled(parts[::3], widths, numbers) for numbers in product(*ranges))


def _filled(texts: list[str], widths: list[int], numbers: tuple[int, ...]) -> str:
    inside = [f"{number:0{width}d}" for number, width in zip(numbers, widths, strict=True)]
    return "".join(text + number for text, number in zip(texts, [*inside, ""], strict=True))


def _remote(spec: str) -> Place:
    protocol = re.split("::|://", spec)[0]
    for module in ("fsspec", *([_MODULES[protocol]] if protocol in _MODULES else [])):
        if find_spec(module) is None:
            raise MissingExtraError(f"{spec} needs {module}; install the extra: pip install 'pathprint[remote]'.")
    _check_protocol(spec, protocol)
    split = _INSIDE.fullmatch(spec)
    path, inside = split.groups() if split else (spec, "")
    expanded = _expanded(path)
    several = len(expanded) > 1 or has_magic(path.split("://")[-1])
    return Place(path, inside.strip("/"), expanded if several else ())


def _check_protocol(spec: str, protocol: str) -> None:
    """Check that there is something that reads URLs of a kind."""
    from fsspec.registry import known_implementations, registry

    if protocol not in known_implementations and protocol not in registry:
        raise DataError(f"{spec}: URLs that start with {protocol}: are not known; s3://, gs:// and https:// are, say.")


def _named(spec: str) -> str:
    """Return the file or folder in ``spec``, without the folder inside of an archive."""
    split = _INSIDE.fullmatch(spec)
    return str(split[1]) if split else spec


def _check_inside(path: Path, inside: str) -> None:
    """Refuse a folder inside of a folder that is not there, and one inside of a file that is no archive."""
    if inside and path.is_dir() and not (path / inside).is_dir():
        raise DataError(f"the folder {path} holds no folder {inside!r}.")
    if inside and path.is_file() and path.suffix.lower() not in (".zip", ".tar"):
        raise DataError(f"{path} holds no folders such as {inside!r}; only folders, .zip and .tar files do.")
