"""Progress bars of long steps, on standard error so that results can be piped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True)
T = TypeVar("T")


def track(items: Sequence[T], description: str) -> Iterable[T]:
    """Yield ``items`` beside a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # In a terminal finished bars make room; in a log they stay as a record.
    with Progress(*columns, console=console, transient=console.is_terminal) as progress:
        yield from progress.track(items, description=f"{description:<28}")
