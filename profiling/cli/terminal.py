"""How the command line talks to people: lines, tables, progress and warnings, all on standard error.

Results alone go to standard output, so that they can be piped. rich is imported only where something is drawn.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.console import RenderableType

T = TypeVar("T")
_SHORTEST, _LONGEST = 2, 30
"""Seconds between two lines about a step where there is no terminal."""


def say(text: str) -> None:
    """Write ``text`` as one plain line on standard error."""
    sys.stderr.write(f"{' '.join(text.split())}\n")


def show(drawing: RenderableType, style: str | None = None) -> None:
    """Draw a table, or a group of them, on standard error."""
    from rich.console import Console

    Console(stderr=True, markup=False, highlight=False).print(drawing, style=style)


def bars(items: Sequence[T], description: str) -> Iterable[T]:
    """Yield ``items`` beside a progress bar; where standard error is no terminal, between plain lines."""
    drawn = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return _drawn(items, description) if drawn else _told(items, description)


def _drawn(items: Sequence[T], description: str) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Finished bars make room for the next ones.
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, description=f"{description:<28}")


def _told(items: Sequence[T], description: str) -> Iterator[T]:
    """Yield ``items``; say at the start, after every tenth of them or 30 seconds, and at the end, how far it is.

    Nothing is said within two seconds of the last line, so that short steps take two lines.
    """
    total, tenth = len(items), 0
    started = said = time.monotonic()
    if total:
        say(f"{description}: 0 of {total}")
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if done == total:
            say(f"{description}: {total} of {total}, {now - started:.0f} s")
        elif now - said >= (_SHORTEST if done * 10 // total > tenth else _LONGEST):
            say(f"{description}: {done} of {total}")
            tenth, said = done * 10 // total, now


_SPOKEN = ("pathprint.accuracy", "pathprint.data")
"""Logs whose plain messages users see: how right the network is, and how data were understood."""


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Show each warning, and what the log ``pathprint`` says, as one plain line each.

    Of what is no warning, only that of the logs in ``_SPOKEN`` is shown.
    """
    log, lines = logging.getLogger("pathprint"), _Lines(logging.INFO)
    levels = {name: logging.getLogger(name).level for name in _SPOKEN}
    log.addHandler(lines)
    for name in _SPOKEN:
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    finally:
        log.removeHandler(lines)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(f"{'warning: ' if record.levelno >= logging.WARNING else ''}{record.getMessage()}")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Take the place of ``warnings.showwarning``: say the message alone, not where in the code it was raised."""
    say(f"warning: {message}")
