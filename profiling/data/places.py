"""Where a data set lies. Nothing slow is imported here, so that a wrong place is refused at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pathprint.profiling.errors import DataError

DIGITS = "digits"
"""The data set that comes with scikit-learn."""
LIST = "@"
"""What stands before the name of a text file that lists images."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder; ``inside`` is the folder to use of a folder or archive, empty for the whole of it."""

    path: Path
    inside: str = ""


def place_of(spec: str) -> Place:
    """Return the place that ``spec`` names: a file or folder, or ``PLACE:FOLDER`` for a folder in it; not ``digits``.

    ``@FILE`` names a list of images.

    A name that holds a colon itself is understood if it exists.

    Raises:
        DataError: nothing is there, or ``FOLDER`` is not there, or lies in what holds no folders.
    """
    if spec.startswith(LIST):
        return _list(spec)
    text = str(Path(spec))
    path = Path(text)
    while not path.exists():
        before, _, _ = str(path).rpartition(":")
        if not before:
            raise DataError(
                f"there is no data at {_named(spec)}; pass digits, a folder, FILE.zip[:FOLDER] or FILE.npz."
            )
        path = Path(before)
    inside = text[len(str(path)) :].replace("\\", "/").lstrip(":/").rstrip("/")
    _check_inside(path, inside)
    return Place(path, inside)


def _list(spec: str) -> Place:
    path = Path(spec.removeprefix(LIST))
    if not path.is_file():
        raise DataError(f"there is no list of files at {path}; {LIST}FILE names a text file with a path in each line.")
    return Place(path)


def _named(spec: str) -> str:
    """Return the file or folder in ``spec``, without the folder inside of an archive."""
    head, colon, _ = spec.partition(".zip:")
    return f"{head}.zip" if colon else spec


def _check_inside(path: Path, inside: str) -> None:
    """Refuse a folder inside of a folder that is not there, and one inside of a file that is no archive."""
    if inside and path.is_dir() and not (path / inside).is_dir():
        raise DataError(f"the folder {path} holds no folder {inside!r}.")
    if inside and path.is_file() and path.suffix.lower() != ".zip":
        raise DataError(f"{path} holds no folders such as {inside!r}; only folders and .zip files do.")
