"""How the command line talks to people: lines, tables, progress and warnings, all on standard error.

Results alone go to standard output, so that they can be piped. rich is imported only where something is drawn.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TextIO

from pathprint.profiling.progress import Meter

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

_PAUSE = 10
"""Seconds between two lines about a step where there is no terminal."""


def say(text: str) -> None:
    """Write ``text`` as one plain line on standard error."""
    sys.stderr.write(f"{' '.join(text.split())}\n")


def show(drawing: RenderableType, style: str | None = None) -> None:
    """Draw a table, or a group of them, on standard error."""
    from rich.console import Console

    Console(stderr=True, markup=False, highlight=False).print(drawing, style=style)


@contextmanager
def bars(description: str, total: int) -> Iterator[Meter]:
    """Show a step as a progress bar; where standard error is no terminal, as plain lines."""
    if not total:
        yield _Told(description, total)
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _drawn(description, total) as meter:
            yield meter
    else:
        told = _Told(description, total)
        told.begin()
        yield told
        told.end()


@contextmanager
def _drawn(description: str, total: int) -> Iterator[Meter]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[bad]}"),
    )
    # Finished bars make room for the next ones.
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Drawn(progress, progress.add_task(f"{description:<28}", total=total, rate="", bad=""), Pace(total))


class Pace:
    """How many units of a step are done, how fast, and how many were bad."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.bad = total, 0, 0
        self._started = time.monotonic()

    def advance(self, count: int, bad: int) -> None:
        """Count ``count`` more units, ``bad`` of which could not be used."""
        self.done, self.bad = self.done + count, self.bad + bad

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> str:
        """The time that is left, as text; empty as long as it cannot be said."""
        return "" if not self.rate else str(timedelta(seconds=round(max(self.total - self.done, 0) / self.rate)))


@dataclass(frozen=True, slots=True)
class _Drawn:
    progress: Progress
    task: TaskID
    pace: Pace

    def advance(self, count: int, bad: int = 0) -> None:
        self.pace.advance(count, bad)
        told = f"{self.pace.bad} bad" if self.pace.bad else ""
        self.progress.update(self.task, advance=count, rate=f"{self.pace.rate:,.1f}/s", bad=told)

    def expect(self, total: int) -> None:
        self.pace.total = total
        self.progress.update(self.task, total=total)


class _Told:
    """Says at the start, every ten seconds, and at the end, how far a step is; short steps take two lines."""

    def __init__(self, description: str, total: int) -> None:
        self._description, self._pace, self._said = description, Pace(total), time.monotonic()

    def begin(self) -> None:
        """Say what begins."""
        say(f"{self._description}: 0 of {self._pace.total}")

    def advance(self, count: int, bad: int = 0) -> None:
        self._pace.advance(count, bad)
        if time.monotonic() - self._said >= _PAUSE and self._pace.done < self._pace.total:
            self._said = time.monotonic()
            pace = self._pace
            say(
                f"{self._description}: {pace.done} of {pace.total}, {pace.rate:.1f}/s, {pace.remaining} left"
                f"{_bad(pace)}"
            )

    def expect(self, total: int) -> None:
        self._pace.total = total

    def end(self) -> None:
        """Say how long it took."""
        pace = self._pace
        say(f"{self._description}: {pace.done} of {pace.total}, {pace.seconds:.0f} s{_bad(pace)}")


def _bad(pace: Pace) -> str:
    return f", {pace.bad} bad" if pace.bad else ""


_SPOKEN = ("pathprint.accuracy", "pathprint.data", "pathprint.evaluation")
"""Logs whose plain messages users see: how right the network is, how data were understood, what a step will cost."""


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
