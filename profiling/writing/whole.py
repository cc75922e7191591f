"""Write a file or a folder beside its place, and move it there when it is complete.

So neither a kill nor a second job leaves a mixture, and after an error nothing is left of what was written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from secrets import token_hex

from pathprint.profiling.writing.places import POSIX_ONLY, PREFIX, Form, check_folder, is_special, refusals, target

try:
    import fcntl
except ImportError as error:
    raise ImportError(POSIX_ONLY) from error

_SUFFIX = ".partial"


@contextmanager
def whole_folder(folder: Path, form: Form) -> Iterator[Path]:
    """Yield an empty folder to write to; it takes the place of ``folder`` when the block ends without an error.

    Missing folders above it are made.

    Raises:
        OutputError: something else is there, or it cannot be written, as when the disk is full.
    """
    with refusals(folder):
        place = target(folder)
        _check(folder, place, form)
        place.parent.mkdir(parents=True, exist_ok=True)
        with _new_folder(place) as partial:
            yield partial
            for path in (*partial.iterdir(), partial):
                _flush(path)
            with _locked(place.parent):
                check_folder(folder, form)  # hours may have passed
                _put(partial, place)
        _flush(place.parent)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the name of a file to write; the file is moved to ``path`` when the block ends without an error.

    Missing folders above it are made. A device or a pipe is written to directly.

    Raises:
        OutputError: it cannot be written, as when the disk is full.
    """
    with refusals(path):
        place = target(path)
        if is_special(place):
            yield place
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = _beside(place)
        try:
            yield partial
            if place.exists():
                shutil.copymode(place, partial)
            _flush(partial)
            partial.replace(place)
            _flush(place.parent)
        finally:
            partial.unlink(missing_ok=True)


def _check(folder: Path, place: Path, form: Form) -> None:
    """Check that a folder can be written, at a moment at which none of our other processes is replacing it."""
    with _locked(place.parent) if place.parent.is_dir() else nullcontext():
        check_folder(folder, form)


def _beside(place: Path) -> Path:
    return place.with_name(f"{PREFIX}{token_hex(8)}{_SUFFIX}")


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    """Yield a new folder beside ``place``, locked as long as it is in use, and removed if it is still there."""
    with _locked(place.parent):
        _remove_abandoned(place.parent)
        partial = _beside(place)
        partial.mkdir()
        lock = os.open(partial, os.O_RDONLY)
        _lock(lock)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    """Remove the incomplete folders of killed jobs: those that nobody has locked."""
    for path in parent.glob(f"{PREFIX}*{_SUFFIX}/"):
        with suppress(OSError):  # another job may remove it at this moment
            descriptor = os.open(path, os.O_RDONLY)
            if _lock(descriptor):
                shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)


def _put(partial: Path, place: Path) -> None:
    """Move a complete folder to its place, and remove what was there."""
    if not place.exists() or not any(place.iterdir()):
        partial.rename(place)  # which replaces an empty folder
        return
    older = _beside(place)
    place.rename(older)
    try:
        partial.rename(place)
    except OSError:
        older.rename(place)
        raise
    shutil.rmtree(older, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep our other processes out of the block meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a folder until its descriptor is closed; say whether nobody else had locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _flush(path: Path) -> None:
    """Have the operating system write a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # some file systems flush no folders
            raise
    finally:
        os.close(descriptor)
