"""Run a user's code: whatever it prints goes to standard error, since standard output is for results."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress

_OUTPUT, _ERROR = 1, 2


@contextmanager
def prints_to_stderr() -> Iterator[None]:
    """Inside the block, send to standard error what Python code and the processes that it starts print.

    Standard output belongs to the whole process, so other threads should print nothing meanwhile.
    """
    with ExitStack() as stack:
        with suppress(OSError, ValueError):  # a closed descriptor has nowhere to print to
            stack.enter_context(_descriptor_redirected())
        stack.enter_context(redirect_stdout(sys.stderr))
        yield


@contextmanager
def _descriptor_redirected() -> Iterator[None]:
    """Let descriptor 1 be what descriptor 2 is: processes that are started inherit it."""
    _flush()
    kept = os.dup(_OUTPUT)
    try:
        os.dup2(_ERROR, _OUTPUT)
        yield
    finally:
        _flush()
        os.dup2(kept, _OUTPUT)
        os.close(kept)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
