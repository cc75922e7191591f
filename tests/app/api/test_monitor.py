"""What the monitor says, and that watching is bounded and ends when the service does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.testclient import TestClient

from pathprint.app.api.monitor_state import bars_of
from pathprint.app.main import create_app
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.admission.guarded import bearer, key_file
from tests.app.images import digit, encoded
from tests.app.server import post, problem, running

STREAMS = 2


@pytest.fixture(scope="module")
def watched(bundle: Bundle) -> Iterator[str]:
    settings = Settings(monitor_streams=STREAMS, pause_seconds=0)
    with running(create_app(bundle, settings), settings=settings) as server:
        yield "http://{}:{}".format(*server.acceptor.address)


def events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    kind = ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def wait_until_nobody_watches(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while client.get("/v1/monitor").json()["load"]["watching"] and time.monotonic() < deadline:
        time.sleep(0.05)


def test_the_state_counts_what_was_decided(watched: str) -> None:
    with httpx.Client(base_url=watched, timeout=60) as client:
        before = client.get("/v1/monitor").json()
        judged = post(client, encoded(digit(), "PNG")).json()
        state = client.get("/v1/monitor").json()
    verdict = judged["detection"]["verdict"]
    assert state["verdicts"][verdict] == before["verdicts"][verdict] + 1
    assert sum(slot[verdict] for slot in state["slots"]) == sum(slot[verdict] for slot in before["slots"]) + 1
    latest = state["decisions"][-1]
    assert (latest["request_id"], latest["score"]) == (judged["request_id"], judged["detection"]["score"])
    assert latest["sha256"] == judged["input"]["sha256"]
    (model,) = state["models"]
    assert sum(model["scores"]["recent"]) == model["health"]["images"]
    assert state["latency"]["total"]["median"] > 0


def test_events_bring_each_decision_once(watched: str) -> None:
    with httpx.Client(base_url=watched, timeout=60) as client:
        post(client, encoded(digit(1), "PNG"))
        with client.stream("GET", "/v1/monitor/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["cache-control"] == "no-store"
            found = events(stream)
            kind, first = next(found)
            assert kind == "state"
            judged = httpx.post(f"{watched}/v1/detect", content=encoded(digit(2), "PNG"), timeout=60).json()
            fresh = next(state["decisions"] for _, state in found if state["decisions"])
    assert [one["request_id"] for one in fresh] == [judged["request_id"]]
    assert fresh[0]["number"] == first["decisions"][-1]["number"] + 1


def test_few_watch_at_once_and_places_come_back(watched: str) -> None:
    with httpx.Client(base_url=watched, timeout=60) as client:
        wait_until_nobody_watches(client)
        streams = [client.stream("GET", "/v1/monitor/events") for _ in range(STREAMS)]
        for stream in streams:
            next(events(stream.__enter__()))
        refused = client.get("/v1/monitor/events")
        assert problem(refused) == (503, "too_many_watchers")
        assert int(refused.headers["retry-after"]) > 0
        assert client.get("/v1/monitor").json()["load"]["watching"] == STREAMS
        for stream in streams:
            stream.__exit__(None, None, None)
        wait_until_nobody_watches(client)
        with client.stream("GET", "/v1/monitor/events") as again:
            assert next(events(again))[0] == "state"


@pytest.mark.parametrize(
    ("limits", "status"),
    [({}, 200), ({"detail": "score"}, 200), ({"detail": "verdict"}, 403), ({"digits": 2}, 403)],
)
def test_a_key_that_may_not_see_scores_in_full_does_not_see_them_here(
    bundle: Bundle, tmp_path: Path, limits: dict[str, Any], status: int
) -> None:
    file, (secret,) = key_file(tmp_path, {"id": "watcher", "scopes": ["detect", "monitor"], **limits})
    with TestClient(create_app(bundle, Settings(pause_seconds=0, keys=file))) as client:
        answer = client.get("/v1/monitor", headers=bearer(secret))
        assert answer.status_code == status
        if status != 200:
            assert problem(answer) == (403, "detail_not_allowed")
            assert problem(client.get("/v1/monitor/events", headers=bearer(secret))) == (403, "detail_not_allowed")


def test_watching_ends_when_the_service_stops_and_does_not_keep_it(bundle: Bundle) -> None:
    settings = Settings(pause_seconds=0, drain_seconds=300)  # a stream that kept the service would keep it that long
    seen: list[str] = []
    with running(create_app(bundle, settings), settings=settings) as server:
        address = "http://{}:{}".format(*server.acceptor.address)
        begun = threading.Event()

        def watch() -> None:
            with httpx.stream("GET", f"{address}/v1/monitor/events", timeout=60) as stream:
                for kind, _ in events(stream):
                    seen.append(kind)
                    begun.set()

        watching = threading.Thread(target=watch)
        watching.start()
        assert begun.wait(60)
    watching.join(60)
    assert seen[-1] == "end"


@pytest.mark.parametrize("threshold", [-9.0, 0.5, 9.0])
def test_every_score_is_in_a_bar_and_the_threshold_in_the_picture(threshold: float) -> None:
    rng = np.random.default_rng(0)
    recent, clean = rng.normal(1, 3, 500), np.sort(rng.normal(0, 1, 300))
    bars = bars_of(recent, clean, threshold)
    assert (sum(bars.recent), sum(bars.calibration)) == (500, 300)
    assert bars.low <= threshold <= bars.high


def test_equal_scores_have_bars_too() -> None:
    bars = bars_of(np.zeros(0), np.zeros(5), 0.0)
    assert (sum(bars.recent), sum(bars.calibration)) == (0, 5)
    assert bars.low < bars.high
