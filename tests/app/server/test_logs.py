"""The log never holds a request up: not with a reader that stalls, not with one that is gone."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from pathprint.app.server.lines import Lines


def test_lines_come_out_in_order() -> None:
    reading, writing = os.pipe()
    lines = Lines(writing, 1000)
    for number in range(500):
        lines.write(f"{number}\n")
    lines.close()
    os.close(writing)
    with os.fdopen(reading) as file:
        assert [int(line) for line in file] == list(range(500))


def test_a_stalled_reader_loses_lines_and_is_told_how_many() -> None:
    reading, writing = os.pipe()
    lines = Lines(writing, 10)
    text = "x" * 9_999 + "\n"
    for _ in range(1000):  # 10 MB: a pipe holds 64 kB, and nobody reads
        lines.write(text)
    kept = 0
    losses: list[dict[str, Any]] = []
    with os.fdopen(reading) as file:
        while kept + sum(loss["lines"] for loss in losses) < 1000:  # losses may be told in several lines
            line = file.readline()
            if line == text:
                kept += 1
            else:
                losses.append(json.loads(line))
    lines.close()
    os.close(writing)
    assert {(loss["event"], loss["level"]) for loss in losses} == {("log lines dropped", "warning")}
    assert kept < 50


def test_a_reader_that_is_gone_ends_the_log_with_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    lines = Lines(writing, 100)
    for _ in range(300):
        lines.write("x\n")
    lines.close()
    os.close(writing)
    output, errors = capfd.readouterr()
    assert (output, errors) == ("", "pathprint: the log ends here, it cannot be written: Broken pipe.\n")


def test_a_descriptor_that_does_not_block_loses_nothing() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    lines = Lines(writing, 1000)
    for _ in range(100):
        lines.write("x" * 4_999 + "\n")
    with os.fdopen(reading) as file:
        assert sum(len(file.readline()) for _ in range(100)) == 500_000
    lines.close()
    os.close(writing)
