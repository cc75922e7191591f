"""What ends a command from outside: Ctrl-C with status 130, and the signal TERM with status 143, as shells expect."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pathprint.profiling.cli.terminal import say

_TEXT = "pathprint: stopped; a job that keeps its run goes on when the same command is run again."
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Stopped(BaseException):
    """A signal has come. It is no Exception, so that nothing takes it for an error and goes on."""

    def __init__(self, number: int) -> None:
        self.status = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """End the program inside the block when it is told to, after everything that is open has been closed.

    Raises:
        SystemExit: with status 130 or 143.
    """
    if threading.current_thread() is not threading.main_thread():  # others may not say what signals do
        yield
        return
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        yield
    except _Stopped as stopped:
        say(_TEXT)
        raise SystemExit(stopped.status) from stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped(number)
