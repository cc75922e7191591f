"""Deadlines, rates and pauses go by clocks that nobody sets; the time of day is only told, and compared with dates."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathprint import app

FOLDER = Path(app.__file__).parent
TELL_THE_TIME = {
    "admission/key_file.py",  # keys are valid from and until dates
    "client/retrying.py",  # Retry-After may be a date
    "api/routes/monitor.py",  # the console says when what it shows was so
    "monitoring/live.py",  # and when alarms were raised
    "runtime/deciding.py",  # decisions say when they were made
    "server/lines.py",  # and so do lines of the log
}
WALL_CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def wall_clocks(source: str) -> Iterator[str]:
    """Yield how a module asks for the time of day."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            yield from {f"{owner}.{node.attr}"} & WALL_CLOCKS
        if isinstance(node, ast.ImportFrom):
            yield from {f"{node.module}.{name.name}" for name in node.names} & WALL_CLOCKS


@pytest.mark.parametrize(
    "source", ["time.time()", "from time import monotonic, time", "datetime.datetime.now(UTC)", "f(date.today)"]
)
def test_each_way_of_asking_is_seen(source: str) -> None:
    assert list(wall_clocks(source))


def test_only_what_tells_the_time_asks_for_it() -> None:
    files = {path.relative_to(FOLDER).as_posix(): path.read_text() for path in FOLDER.rglob("*.py")}
    asking = {name for name, source in files.items() if list(wall_clocks(source))}
    assert asking == TELL_THE_TIME
