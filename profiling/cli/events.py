"""The option for a file of events on flagged images, and what adds to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pathprint.profiling.cli.outputs import file_option
from pathprint.profiling.errors import OutputError

Events = Annotated[
    Path | None,
    file_option(
        "File to add an event to for each flagged image: one line of JSON, in the form of an OCSF Detection Finding, "
        "as security systems take it."
    ),
]
Add: TypeAlias = Callable[[dict[str, Any]], None]
"""Adds an event to a file."""


@contextmanager
def event_file(path: Path | None) -> Iterator[Add | None]:
    """Yield what adds an event to the file, each at once for whoever follows the file; without a file, yield None.

    Raises:
        OutputError: the file cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="ascii", buffering=1)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
    with file:
        yield lambda event: _add(path, file.write, event)


def _add(path: Path, write: Callable[[str], object], event: dict[str, Any]) -> None:
    try:
        write(f"{json.dumps(event)}\n")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
