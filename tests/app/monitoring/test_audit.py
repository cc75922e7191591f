"""The audit log: what a line holds, how files are set aside, and that a full disk stops nothing."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from structlog.testing import capture_logs

from pathprint.app.monitoring.audit import Audit, AuditError, line_of
from tests.app.monitoring.decided import decision

SECONDS = 60


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert true()


def ids(*files: Path) -> list[str]:
    return [json.loads(line)["request_id"] for file in files for line in file.read_text().splitlines()]


def test_a_line_says_what_was_decided_and_holds_no_image(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", 10**6, 3)
    audit(decision(), torch.rand(1, 1, 8, 8))
    audit.close()
    record = json.loads((tmp_path / "audit.jsonl").read_text())
    asked = decision()
    assert record["time"] == "2026-11-27T08:00:00+00:00"
    assert {name: record[name] for name in ("key_id", "verdict", "score", "sha256", "bundle_sha256")} == {
        "key_id": asked.key_id,
        "verdict": asked.verdict,
        "score": asked.score,
        "sha256": asked.sha256,
        "bundle_sha256": asked.bundle_sha256,
    }
    assert not any(isinstance(value, list | dict) for value in record.values())
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_lines_are_appended_and_files_set_aside_in_order(tmp_path: Path) -> None:
    path, length = tmp_path / "audit.jsonl", len(line_of(decision(request_id="00")))
    for start in (0, 5):
        audit = Audit(path, most_bytes=2 * length, files=3)
        for number in range(start, start + 5):
            audit(decision(request_id=f"{number:02}"), None)
        audit.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert [ids(file) for file in files] == [["08", "09"], ["06", "07"], ["04", "05"]]


def test_with_one_file_the_older_lines_go(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", len(line_of(decision())), files=1)
    for number in range(3):
        audit(decision(request_id=f"{number}"), None)
    audit.close()
    assert [file.name for file in tmp_path.iterdir()] == ["audit.jsonl"]
    assert ids(tmp_path / "audit.jsonl") == ["2"]


def test_a_disk_that_stays_full_loses_lines_and_says_how_many() -> None:
    with capture_logs() as logged:
        audit = Audit(Path("/dev/full"), 10**6, 3, queue=5)
        for _ in range(9):
            audit(decision(), None)
        audit.close()
    assert audit.lost == 9
    assert sum(line.get("lines", 0) for line in logged) == 9
    (failure,) = [line for line in logged if line["event"] == "audit log not written"]
    assert failure["reason"] == "No space left on device"


def test_lines_wait_for_room_and_a_cut_one_spoils_no_other(tmp_path: Path) -> None:
    path, before = tmp_path / "audit.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    length = len(line_of(decision(request_id="0000")))
    audit = Audit(path, 10**6, 3)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length + 50, before[1]))  # stands for a small disk
    try:
        for number in range(3):
            audit(decision(request_id=f"{number:04}"), None)
        wait_until(lambda: path.stat().st_size == length + 50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    audit(decision(request_id="last"), None)
    audit.close()
    first, cut, *others = path.read_text().splitlines()
    assert [json.loads(line)["request_id"] for line in (first, *others)] == ["0000", "0001", "0002", "last"]
    assert others[0].startswith(cut)
    assert audit.lost == 0


@pytest.mark.parametrize(("before", "readable"), [("", 0), ("{}\n", 1), ("{}\n{", 1), ('{"request_id": "x', 0)])
def test_a_line_that_a_crash_cut_spoils_no_line_after_the_restart(before: str, readable: int, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text(before)
    audit = Audit(path, 10**6, 3)
    audit(decision(), None)
    audit.close()
    newline = "" if before.endswith("\n") or not before else "\n"
    assert path.read_text() == before + newline + line_of(decision())
    assert sum(line == "{}" for line in path.read_text().splitlines()) == readable


def test_a_queue_that_is_full_loses_lines_and_blocks_nobody(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", 10**6, 3, queue=5)
    audit(decision(), None)
    wait_until(lambda: not audit._waiting)  # the writer now pauses for a second
    with capture_logs() as logged:
        for _ in range(9):
            audit(decision(), None)
        audit.close()
    written = len(ids(tmp_path / "audit.jsonl"))
    assert written + audit.lost == 10
    assert sum(line["lines"] for line in logged) == audit.lost


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent" / "audit.jsonl"):
        with pytest.raises(AuditError, match="cannot be written"):
            Audit(path, 10**6, 3)


def test_a_folder_that_cannot_be_changed_keeps_the_lines_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    (tmp_path / "audit.jsonl.1").mkdir()  # nothing can be set aside under this name
    (tmp_path / "audit.jsonl.1" / "something").touch()
    audit = Audit(path, len(line_of(decision())), files=2)
    for number in range(4):
        audit(decision(request_id=f"{number:04}"), None)
    audit.close()
    assert ids(path) == ["0000", "0001", "0002", "0003"]
    assert audit.lost == 0
