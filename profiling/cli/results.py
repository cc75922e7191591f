"""Standard output is for results. While a command runs, whatever else is printed goes to standard error.

So the line of JSON can be piped even if a network of the user prints something when it is built or called.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from typing import Any

from pathprint.profiling.errors import OutputError

Writer = Callable[[str], object]


def _printed(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


_results: ContextVar[Writer] = ContextVar("pathprint_results", default=_printed)


def print_json(result: dict[str, Any]) -> None:
    """Print a result as one line of JSON."""
    print_result(json.dumps(result))


def print_result(text: str) -> None:
    """Print a result, which may have several lines.

    Raises:
        OutputError: standard output cannot be written to, because what it leads to is full or was closed.
    """
    try:
        _results.get()(f"{text}\n")
    except OSError as error:
        raise OutputError(f"standard output cannot be written: {error.strerror or error}.") from error


@contextmanager
def results_apart() -> Iterator[None]:
    """Send what is printed inside the ``with`` block to standard error, also by compiled code, but not results."""
    if not _is_file_1():  # a test has put something in its place
        token = _results.set(sys.stdout.write)
        try:
            with redirect_stdout(sys.stderr):
                yield
        finally:
            _results.reset(token)
        return
    sys.stdout.flush()
    kept = os.dup(1)
    token = _results.set(lambda text: _written(kept, text.encode(sys.stdout.encoding, "backslashreplace")))
    try:
        os.dup2(2, 1)
        yield
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        _results.reset(token)


def _is_file_1() -> bool:
    try:
        return sys.stdout.fileno() == 1 and sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):
        return False


def _written(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
