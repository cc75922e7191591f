"""The audit log: one line of JSON for each decision, with hashes and never an image.

Lines wait in a bounded queue for a thread that writes them, so a slow or full disk delays no answer. Lines that find
the queue full are lost and counted, and the log says how many were.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections import deque
from dataclasses import fields
from pathlib import Path
from typing import Any

import structlog
from torch import Tensor

from pathprint.app.monitoring.decisions import Decision

log = structlog.get_logger("app")
_QUEUE = 10_000
_FIELDS = tuple(field.name for field in fields(Decision) if field.name not in ("reasons", "note"))
_SYNC_SECONDS = 1.0


class AuditError(Exception):
    """The audit log cannot be written where the settings say; the message says why."""


class Audit:
    """Listens to decisions and appends them to a file. Older lines are in ``FILE.1``, ``FILE.2`` and so on.

    The thread writes what waits and calls fsync, at most once a second. So a crash of the process or of the machine
    loses about a second of lines. Where the disk is full, lines wait until there is room. One that was cut is ended and
    written again, so that each other line stays readable. So is one that a crash had cut before the file is opened.
    """

    def __init__(self, path: Path, most_bytes: int, files: int, queue: int = _QUEUE) -> None:
        """Open the file for appending.

        Args:
            most_bytes: size at which a file is set aside.
            files: how many are kept, with the one that is written.

        Raises:
            AuditError: the file cannot be opened.
        """
        self.path, self._most_bytes, self._files, self._queue = path, most_bytes, files, queue
        self._waiting: deque[str] = deque()
        self._new, self._stopping = threading.Event(), threading.Event()
        self.lost = 0
        self._told = 0
        try:
            self._file, self._size = _opened(path)
        except OSError as error:
            raise AuditError(f"{path}: the audit log cannot be written: {error.strerror}.") from None
        self._broken, self._failed = _ends_within_a_line(path), False
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def __call__(self, decision: Decision, pixels: Tensor | None) -> None:
        """Let a decision be written; never wait for the disk."""
        if len(self._waiting) >= self._queue:
            self.lost += 1
            return
        self._waiting.append(line_of(decision))
        self._new.set()

    def close(self, seconds: float = 5) -> None:
        """Write what waits, for a few seconds at most, and close the file."""
        self._stopping.set()
        self._new.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            self._new.wait()
            self._new.clear()
            stopping = self._stopping.is_set()
            self._write_waiting()
            if self._waiting:  # the disk is full: the lines wait for room, and those that find no room to wait are lost
                self._new.set()
            if stopping:
                self.lost += len(self._waiting)
            self._tell()
            self._stopping.wait(_SYNC_SECONDS)  # what comes meanwhile is written together
        os.close(self._file)

    def _write_waiting(self) -> None:
        failed, self._failed = self._failed, False
        try:
            while self._waiting:
                self._write(self._waiting[0].encode())
                self._waiting.popleft()
            os.fsync(self._file)
        except OSError as error:
            self._failed = True
            if not failed:
                log.error("audit log not written", path=str(self.path), reason=error.strerror)

    def _write(self, line: bytes) -> None:
        if self._size and self._size + len(line) > self._most_bytes:
            try:
                self._rotate()
            except OSError as error:  # goes on in the file that is open, and tries again when that has doubled
                log.error("audit log not set aside", path=str(self.path), reason=error.strerror)
                self._size = 0
        if self._broken:  # the disk was full in the middle of a line
            line = b"\n" + line
        written = os.write(self._file, line)
        self._size += written
        self._broken = written < len(line)
        if self._broken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _rotate(self) -> None:
        for number in range(self._files - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)
        if self._files == 1:
            self.path.unlink(missing_ok=True)
        opened = _opened(self.path)
        os.close(self._file)
        (self._file, self._size), self._broken = opened, _ends_within_a_line(self.path)

    def _tell(self) -> None:
        lost = self.lost
        if lost > self._told:
            log.error("audit lines lost", path=str(self.path), lines=lost - self._told)
            self._told = lost


def _opened(path: Path) -> tuple[int, int]:
    # Read and written by the service's own user alone.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return descriptor, os.fstat(descriptor).st_size


def _ends_within_a_line(path: Path) -> bool:
    """Return whether a crash cut the last line, so that the next one has to begin after a newline."""
    try:
        with path.open("rb") as file:
            if not file.seek(0, os.SEEK_END):
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # it may be written and not read, or is no file that has an end
        return False


def line_of(decision: Decision) -> str:
    """Return the line of a decision: all that was decided, without reasons, which follow from bundle and image."""
    record: dict[str, Any] = {name: getattr(decision, name) for name in _FIELDS}
    return json.dumps(record | {"time": decision.time.isoformat()}, allow_nan=False) + "\n"
