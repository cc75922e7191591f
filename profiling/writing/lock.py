"""A file that one process holds, and that others can see is held and by whom. It is free when its holder ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Held:
    """Whether a lock is ours; ``by`` says who else has it, and is empty if it is ours."""

    by: str = ""


@contextmanager
def hold(path: Path, name: str) -> Iterator[Held]:
    """Hold the lock in ``path`` under ``name`` inside the block, or say who has it.

    Raises:
        OSError: the file cannot be written, or the file system has no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield Held(os.pread(descriptor, 1024, 0).decode(errors="replace") or "another process")
            return
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, name.encode(), 0)
        yield Held()
    finally:
        os.close(descriptor)


def held_by(path: Path) -> str:
    """Return who holds the lock in ``path``; empty if nobody does, or there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 1024, 0).decode(errors="replace") or "another process"
    except OSError:
        return ""  # the file system has no locks
    finally:
        os.close(descriptor)
    return ""
