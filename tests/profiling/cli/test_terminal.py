"""Progress and warnings as people see them: bars in a terminal, plain lines elsewhere."""

import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator

import pytest

from pathprint.profiling.cli.terminal import bars, say, show, warnings_shown

PROGRAM = "from pathprint.profiling.cli.terminal import bars; print(sum(bars(range(5), 'adding')))"


def lines_of(count: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert list(bars(range(count), "adding")) == list(range(count))
    return capsys.readouterr().err.splitlines()


def test_without_a_terminal_progress_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(1000, capsys)
    assert lines[:2] == ["adding: 0 of 1000", "adding: 100 of 1000"]
    assert lines[-1].startswith("adding: 1000 of 1000, ")
    assert len(lines) == 11
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(("count", "expected"), [(1, 2), (2, 3), (10, 11), (11, 12)])
def test_no_line_is_written_twice(count: int, expected: int, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(count, capsys)
    assert len(lines) == len(set(lines)) <= expected


def test_slow_steps_speak_at_least_every_thirty_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: Iterator[int] = iter(range(0, 10_000, 12))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    lines = lines_of(100, capsys)
    assert lines[1:3] == ["adding: 3 of 100", "adding: 6 of 100"]


def test_nothing_to_do_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(0, capsys) == []


def test_in_a_terminal_progress_is_a_bar() -> None:
    terminal, end = os.openpty()
    try:
        command = [sys.executable, "-c", PROGRAM]
        environment = {**os.environ, "TERM": "xterm"}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=end, text=True, check=True, env=environment)
        drawn = os.read(terminal, 1 << 16).decode()
    finally:
        os.close(terminal)
        os.close(end)
    assert done.stdout == "10\n"
    assert "adding" in drawn and "\x1b[" in drawn


def test_warnings_and_log_records_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("pathprint.profiling.somewhere")
    with warnings_shown():
        warnings.warn("one\n thing", stacklevel=1)
        log.warning("another %s", "thing")
        log.info("no warning")
    assert capsys.readouterr().err == "warning: one thing\nwarning: another thing\n"
    with pytest.warns(UserWarning, match="after"):
        warnings.warn("after", stacklevel=1)
    log.warning("after")
    assert capsys.readouterr().err == ""


def test_everything_for_people_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("a line")
    show("a [drawing]")
    assert capsys.readouterr() == ("", "a line\na [drawing]\n")
