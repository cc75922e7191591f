"""Where a data set lies. Nothing heavy is imported here, so that a wrong place is refused at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pathprint.profiling.errors import DataError

DIGITS = "digits"
"""The data set that comes with scikit-learn."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder, and in an archive the folder inside it that is meant; all of it if that is empty."""

    path: Path
    inside: str = ""


def place_of(spec: str) -> Place:
    """Return where the data set called ``spec`` lies, which is a file or folder: anything but ``digits``.

    Raises:
        DataError: nothing is there.
    """
    name, _, inside = spec.partition(".zip:")
    path = Path(f"{name}.zip" if inside else spec)
    if not path.exists():
        raise DataError(f"there is no data at {path}; pass digits, a folder, FILE.zip[:FOLDER] or FILE.npz.")
    return Place(path, inside.strip("/"))
