"""Progress and warnings as people see them: bars in a terminal, plain lines elsewhere."""

import logging
import os
import subprocess
import sys
import time
import warnings

import pytest

from pathprint.profiling.cli.terminal import bars, say, show, warnings_shown
from pathprint.profiling.writing.places import POSIX_ONLY
from tests.profiling.cli.calling import Command

PROGRAM = """
from pathprint.profiling.cli.terminal import bars
with bars("adding", 5) as shown:
    shown.advance(5, bad=1)
print(10)
"""


class Clock:
    """Time that passes only while an item is worked on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


def lines_of(count: int, seconds: float, clock: Clock, capsys: pytest.CaptureFixture[str], bad: int = 0) -> list[str]:
    """Return what is said about a step of so many items that take so long each; the first ones are bad."""
    with bars("adding", count) as shown:
        for item in range(count):
            clock.now += seconds
            shown.advance(1, bad=int(item < bad))
    return capsys.readouterr().err.splitlines()


def test_without_a_terminal_progress_is_a_plain_line_every_ten_seconds(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines_of(100, 0.25, clock, capsys) == [
        "adding: 0 of 100",
        "adding: 40 of 100, 4.0/s, 0:00:15 left",
        "adding: 80 of 100, 4.0/s, 0:00:05 left",
        "adding: 100 of 100, 25 s",
    ]


def test_short_steps_take_two_lines(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(3, 0.5, clock, capsys) == ["adding: 0 of 3", "adding: 3 of 3, 2 s"]
    assert lines_of(1, 99, clock, capsys) == ["adding: 0 of 1", "adding: 1 of 1, 99 s"]


def test_slow_steps_speak_of_each_item(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(3, 12, clock, capsys)[1:3] == [
        "adding: 1 of 3, 0.1/s, 0:00:24 left",
        "adding: 2 of 3, 0.1/s, 0:00:12 left",
    ]


def test_bad_items_are_counted(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(3, 6, clock, capsys, bad=2)[1:] == [
        "adding: 2 of 3, 0.2/s, 0:00:06 left, 2 bad",
        "adding: 3 of 3, 18 s, 2 bad",
    ]


def test_a_step_ends_with_the_number_that_was_needed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with bars("adding", 465) as shown:
        shown.advance(88)
        shown.expect(88)
    assert capsys.readouterr().err.splitlines() == ["adding: 0 of 465", "adding: 88 of 88, 0 s"]


def test_nothing_to_do_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(0, 1, clock, capsys) == []


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
    assert "adding" in drawn and "5/5" in drawn and "1 bad" in drawn and "\x1b[" in drawn


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


def test_another_system_is_refused_before_anything_else(pathprint: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    done = pathprint("networks", status=2)
    assert (done.stdout, done.stderr) == ("", f"pathprint: {POSIX_ONLY}\n")
