"""Where a data set lies. Nothing slow is imported here, so that a wrong place is refused at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pathprint.profiling.errors import DataError

DIGITS = "digits"
"""The data set that comes with scikit-learn."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder; ``inside`` is the folder to use of an archive, empty for the whole archive."""

    path: Path
    inside: str = ""


def place_of(spec: str) -> Place:
    """Return the place that ``spec`` names: a file or folder, or ``FILE.zip:FOLDER``; not ``digits``.

    Raises:
        DataError: nothing is there.
    """
    name, _, inside = spec.partition(".zip:")
    path = Path(f"{name}.zip" if inside else spec)
    if not path.exists():
        raise DataError(f"there is no data at {path}; pass digits, a folder, FILE.zip[:FOLDER] or FILE.npz.")
    return Place(path, inside.strip("/"))
