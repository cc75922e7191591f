"""Events on flagged images arrive, or are counted as lost; whoever decides never waits for them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pathprint.app.monitoring import events as module
from pathprint.app.monitoring.errors import MonitoringError
from pathprint.app.monitoring.events import Events, check_place, events
from pathprint.app.monitoring.metrics import Metrics
from tests.app.monitoring.decided import decision
from tests.profiling.detection.finding import check_finding


class Receiver(HTTPServer):
    """Takes events, and answers with the statuses that it is told to, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[dict[str, Any], str | None]] = []
        self.statuses: list[int] = []


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((body, self.headers["Authorization"]))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base calls it so
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES", (0.01, 0.01))


def counted(metrics: Metrics) -> dict[str, float]:
    (family,) = metrics.events.collect()
    return {sample.labels["result"]: sample.value for sample in family.samples if sample.name.endswith("_total")}


def test_flagged_images_are_reported_to_an_address_again_if_need_be(receiver: Receiver) -> None:
    metrics, receiver.statuses = Metrics(), [503, 500]
    with events(f"http://127.0.0.1:{receiver.server_port}/siem", "secret", metrics.events) as told:
        assert told is not None
        told.decided(decision())
        told.decided(decision(verdict="benign", flagged=False))
        told.decided(decision(verdict="uncertain", flagged=True, request_id="5", key_id=None))
    assert [body["metadata"]["correlation_uid"] for body, _ in receiver.received] == ["4f1c"] * 3 + ["5"]
    for body, token in receiver.received:
        check_finding(body)
        assert token == "Bearer secret"
        assert {"stage": 1, "inferences": 3}.items() <= body["evidences"][0]["data"].items()
    assert counted(metrics) == {"delivered": 2, "dropped": 0}


def test_a_file_gets_a_line_for_each_and_may_be_moved_away(tmp_path: Path) -> None:
    metrics, path = Metrics(), tmp_path / "events.jsonl"
    for name in ("monday", "tuesday"):
        with events(str(path), None, metrics.events) as told:
            assert told is not None
            told.decided(decision())
        check_finding(json.loads(path.read_text()))
        path.rename(tmp_path / name)
    assert counted(metrics) == {"delivered": 2, "dropped": 0}


def test_standard_output_gets_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    with events("-", None, Metrics().events) as told:
        assert told is not None
        told.decided(decision())
    check_finding(json.loads(capsys.readouterr().out))


def test_what_cannot_be_delivered_is_given_up_and_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    for place in (str(tmp_path / "absent" / "events.jsonl"), "http://127.0.0.1:9/"):
        with events(place, None, metrics.events) as told:
            assert told is not None
            told.decided(decision())
    assert counted(metrics) == {"failed": 2, "dropped": 0}


@pytest.mark.parametrize(
    ("place", "cause"),
    [
        ("http://user:secret@127.0.0.1:{port}/secret?token=secret", "HTTPStatusError: status 503"),
        ("http://user:secret@127.0.0.1:9/secret", "ConnectError"),
        ("http://user:secret@127.0.0.1:port/secret", "InvalidURL"),
        ("{folder}/secret/events.jsonl", "FileNotFoundError: No such file or directory"),
    ],
)
def test_the_log_says_why_an_event_was_given_up_and_not_what_the_address_holds(
    place: str, cause: str, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.statuses = [503] * 3
    with (
        capture_logs() as logged,
        events(place.format(port=receiver.server_port, folder=tmp_path), None, Metrics().events) as told,
    ):
        assert told is not None
        told.decided(decision())
    assert [line["error"] for line in logged] == [cause]
    assert "secret" not in str(logged)


def test_whoever_decides_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAITING", 5)
    metrics, release = Metrics(), threading.Event()
    told = Events(lambda event: (release.wait(60), None)[1], metrics.events)
    deadline = time.monotonic() + 30
    for _ in range(20):
        told.decided(decision())
    assert time.monotonic() < deadline
    assert counted(metrics)["dropped"] >= 14
    release.set()
    told.close()
    assert counted(metrics)["delivered"] + counted(metrics)["dropped"] == 20


@pytest.mark.parametrize("place", ["absent/events.jsonl", ".", "ftp://host/x", "a\0b"])
def test_a_place_that_cannot_be_is_refused_before_the_service_starts(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MonitoringError, match="PATHPRINT_EVENTS"):
        check_place(place)
    for good in ("-", "HTTPS://siem.invalid/x", str(tmp_path / "events.jsonl")):
        check_place(good)


def test_no_place_means_no_events() -> None:
    with events(None, None, Metrics().events) as told:
        assert told is None
