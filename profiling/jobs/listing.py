"""Whether images are those that they were when a job was begun, told without reading them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from pathprint.profiling.data.places import DIGITS, LIST, is_url, place_of


def listing(spec: str, names: Sequence[str]) -> str:
    """Return the SHA-256 of the names of images, and of size and time of change of each file that holds some.

    Of images behind a URL, in memory, or of ``digits`` the names alone are taken.

    Args:
        spec: what names the images; empty if they are in memory only.
        names: of each image.
    """
    found = hashlib.sha256()
    for name in names:
        found.update(name.encode(errors="surrogateescape") + b"\0")
    for path in _files(spec, names):
        try:
            status = path.stat()
        except OSError:
            continue  # what cannot be read is said when it is read
        found.update(f"{status.st_size} {status.st_mtime_ns}\0".encode())
    return found.hexdigest()


def _files(spec: str, names: Sequence[str]) -> Iterable[Path]:
    if spec in ("", DIGITS) or is_url(spec):
        return ()
    place = place_of(spec)
    if place.files:
        return map(Path, place.files)
    path = Path(place.path)
    if spec.startswith(LIST):
        return [path, *map(Path, names)]
    return (path / place.inside / name for name in names) if path.is_dir() else (path,)
