"""What ends a command from outside: Ctrl-C with status 130, and the signal TERM with status 143, as shells expect."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from pathprint.profiling.cli.terminal import say


class _Terminated(BaseException):
    """The signal TERM has come. It is no Exception, so that nothing takes it for an error and goes on."""


@contextmanager
def stoppable() -> Iterator[None]:
    """End the program inside the block when it is told to, after everything that is open has been closed.

    Raises:
        SystemExit: with status 130 or 143.
    """
    if threading.current_thread() is threading.main_thread():  # others may not say what signals do
        signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except (KeyboardInterrupt, typer.Abort) as error:  # typer makes the latter of the former
        say(_TEXT)
        raise SystemExit(130) from error
    except _Terminated as error:
        say(_TEXT)
        raise SystemExit(143) from error


_TEXT = "pathprint: stopped; a job that keeps its run goes on when the same command is run again."


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated
