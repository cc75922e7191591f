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
    with Progress(*columns, console=console) as progress:
        yield from progress.track(items, description=f"{description:<28}")
