"""Write lines to a descriptor without ever waiting for whoever reads them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
import time
from collections import deque
from datetime import UTC, datetime

_SECONDS_TO_END = 2.0
_GATHERING_SECONDS = 0.02
"""Time in which further lines may come to be written together with the first one."""
_TOGETHER = 100


class Lines:
    """A file to write to whose lines wait in a bounded queue until a thread has written them.

    A reader that is too slow makes lines be dropped; how many is said in a line once there is room again. A reader
    that is gone ends the writing, with one line on standard error.
    """

    def __init__(self, descriptor: int, capacity: int) -> None:
        """Begin to write to ``descriptor``, with at most ``capacity`` lines waiting."""
        self._descriptor, self._capacity = descriptor, capacity
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._counting = threading.Lock()
        self._come = threading.Event()
        self._ended = self._closing = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Queue whole lines, or drop them. Never waits and never raises."""
        if self._ended:
            return
        with self._counting:
            if len(self._waiting) < self._capacity:
                self._waiting.append(text)
            else:
                self._dropped += 1
        if not self._come.is_set():
            self._come.set()

    def flush(self) -> None:
        """Do nothing: lines are written as soon as they can be."""

    def close(self, seconds: float = _SECONDS_TO_END) -> None:
        """Write what is waiting, for at most ``seconds``."""
        self._closing = True
        self._come.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        """Write what has come, a few lines together: woken for each line, the thread would take turns with the service.

        The event loop would then wait after each line until it has Python to itself again.
        """
        while not (self._closing or self._ended):
            self._come.wait()
            if not self._closing:
                time.sleep(_GATHERING_SECONDS)
            self._come.clear()
            self._write_waiting()

    def _write_waiting(self) -> None:
        while self._waiting and not self._ended:
            with self._counting:
                lines = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOGETHER))]
            self._put("".join(lines))
        if self._dropped and not self._ended:
            self._put(self._loss())

    def _loss(self) -> str:
        """Return the line about the lines that were dropped since the last one, in the form of the others."""
        with self._counting:
            lost, self._dropped = self._dropped, 0
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return json.dumps({"lines": lost, "event": "log lines dropped", "level": "warning", "timestamp": now}) + "\n"

    def _put(self, text: str) -> None:
        data = memoryview(text.encode(errors="backslashreplace"))
        try:
            while data and not self._ended:
                data = data[self._write(data) :]
        except OSError as error:
            self._end(error)

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:  # somebody made the descriptor non-blocking
            select.select([], [self._descriptor], [])
            return 0

    def _end(self, error: OSError) -> None:
        """Stop logging for good, as nobody reads it any more, and say so once."""
        self._ended = True
        with contextlib.suppress(OSError):
            os.write(2, f"pathprint: the log ends here, it cannot be written: {error.strerror}.\n".encode())
