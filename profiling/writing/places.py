"""Say before any work that a place cannot be written to, or holds what must not be replaced.

Nothing heavy is imported here: the command line checks places before it loads the engine.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pathprint.profiling.errors import OutputError

POSIX_ONLY = "Pathprint needs Linux or macOS, whose calls it locks and moves folders with; on Windows, run it in WSL."
PREFIX = ".pathprint-"
"""How the hidden names begin of what is not complete."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a folder of ours is known by; no other folder is replaced.

    Attributes:
        noun: what people call the folder, as in "is not a bundle".
        files: the names that may be in it.
        marker: the file that is always in it, a JSON object.
        keys: what the marker has at least.
    """

    noun: str
    files: frozenset[str]
    marker: str
    keys: frozenset[str]


def check_folder(folder: Path, form: Form) -> None:
    """Check that a folder of this form can be written to ``folder``, where one or an empty folder may be already.

    Raises:
        OutputError: something else is there, or nothing can be written there.
    """
    with refusals(folder):
        place = target(folder)
        if place.exists() or place.is_symlink():
            _check_replaceable(folder, place, form)
        _try_out(folder, place.parent)


def check_file(path: Path) -> None:
    """Check that a file can be written to ``path``, where an older one may be already.

    Raises:
        OutputError: a folder is there, or nothing can be written there.
    """
    with refusals(path):
        place = target(path)
        if place.is_dir():
            raise OutputError(f"{path} is a folder; give the name of a file.")
        if place.exists() and not os.access(place, os.W_OK):
            raise OutputError(f"{path} exists and is write-protected; choose another file.")
        if not is_special(place):
            _try_out(path, place.parent)


def check_store(folder: Path) -> None:
    """Check that files can be added to ``folder``, which need not exist.

    Raises:
        OutputError: nothing can be written there.
    """
    with refusals(folder):
        _try_out(folder, target(folder))


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into an OutputError about ``path``."""
    try:
        yield
    except (OSError, OutputError) as error:
        cause = error.__cause__ if isinstance(error, OutputError) else error
        if not isinstance(cause, OSError):
            raise
        raise OutputError(f"{path} cannot be written: {cause.strerror or cause}.") from cause


def target(path: Path) -> Path:
    """Return the absolute path that links lead to, whether or not something is there."""
    return Path(os.path.realpath(path))  # Path.resolve raises a RuntimeError where links lead in a circle


def is_special(place: Path) -> bool:
    """Say whether a device or a pipe is there, which must not be replaced by a file."""
    return place.exists() and not place.is_file()


def _check_replaceable(folder: Path, place: Path, form: Form) -> None:
    if not place.is_dir():
        raise OutputError(f"{folder} is not a folder; choose another name for the {form.noun}.")
    for what, is_so in {"the current folder": place == Path.cwd(), "a mounted folder": place.is_mount()}.items():
        if is_so:
            raise OutputError(f"{folder} is {what}, which cannot be replaced; name a folder inside it.")
    foreign = _foreign(place, form)
    if foreign:
        raise OutputError(
            f"{folder} exists and is not a {form.noun}: it holds {foreign}; choose another folder, or remove this one."
        )


def _foreign(place: Path, form: Form) -> str:
    """Say what in a folder shows that it is not of this form; say nothing if it is, or is empty."""
    entries = sorted(place.iterdir())
    others = [repr(entry.name) for entry in entries if entry.name not in form.files or not entry.is_file()]
    if others:
        return ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return f"no {form.marker!r} of a {form.noun}" if entries and not _is_marked(place, form) else ""


def _is_marked(place: Path, form: Form) -> bool:
    try:
        return bool(json.loads((place / form.marker).read_bytes()).keys() >= form.keys)
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _try_out(path: Path, parent: Path) -> None:
    """Make a folder in ``parent``, or in the nearest folder above it that exists, and remove it."""
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"{path} cannot be written: {parent} is not a folder; choose another place.")
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent):
        if len(os.fsencode(path.name)) > os.pathconf(parent, "PC_NAME_MAX"):
            raise OutputError(f"{path} cannot be written: the name is too long; choose a shorter one.")
