"""Metrics: on a port of their own, with few series whatever clients send."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pathprint.app.main import create_app
from pathprint.app.monitoring.errors import MonitoringError
from pathprint.app.monitoring.loop_lag import watch_loop
from pathprint.app.monitoring.metrics import CLASSES, OTHER, Metrics
from pathprint.app.monitoring.metrics_port import check_port
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.monitoring.decided import decision
from tests.app.server import post, serving


class Served(NamedTuple):
    client: httpx.Client
    metrics: str

    def scrape(self) -> dict[str, dict[tuple[str, ...], float]]:
        """Return the values of each sample by the values of its labels, in the order of the labels' names."""
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for family in text_string_to_metric_families(httpx.get(f"{self.metrics}/metrics", timeout=30).text):
            for sample in family.samples:
                found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
        return found


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def served(bundle: Bundle) -> Iterator[Served]:
    port = free_port()
    settings = Settings(metrics_port=port, drift_fewest=10)
    with serving(create_app(bundle, settings)) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield Served(client, f"http://127.0.0.1:{port}")


def test_each_request_and_image_is_counted(served: Served, bundle: Bundle) -> None:
    answer = post(served.client, encoded(digit(), "PNG")).json()
    post(served.client, b"no image")
    served.client.get("/livez")
    for path in ("/nothing", "/v1/nothing", "/%00"):
        served.client.get(path)
    found = served.scrape()
    requests = found["pathprint_requests_total"]
    assert requests["", "/v1/detect", "2xx"] == 1
    assert requests["undecodable_image", "/v1/detect", "4xx"] == 1
    assert requests["", "/livez", "2xx"] == 1
    assert requests["not_found", OTHER, "4xx"] == 3
    assert found["pathprint_request_seconds_count"]["/v1/detect",] == 2
    assert found["pathprint_decode_errors_total"]["undecodable_image",] == 1
    name, verdict = answer["model"]["name"], answer["detection"]["verdict"]
    assert found["pathprint_verdict_total"] == {(answer["prediction"]["label"], name, verdict): 1}
    for step in ("decode_seconds", "queue_seconds", "compute_seconds", "batch_size"):
        assert found[f"pathprint_{step}_count"][()] == 1
    assert found["pathprint_score_bucket"]["+Inf", name] == 1
    assert found["pathprint_inflight"][()] == found["pathprint_pending"][()] == 0
    ((labels, one),) = found["pathprint_bundle_info"].items()
    assert one == 1
    assert bundle.sha256 in labels
    assert found["process_resident_memory_bytes"][()] > 0


def test_metrics_are_not_on_the_port_of_the_service(served: Served) -> None:
    assert served.client.get("/metrics").status_code == 404
    assert "pathprint" not in served.client.get("/livez").text


def test_health_and_drift_follow_the_images(served: Served, bundle: Bundle) -> None:
    name = bundle.detector.network.name
    before = served.client.get(f"/v1/models/{name}/health").json()
    assert before["state"] == "too_few"
    for _ in range(12):  # twelve times one image: no distribution of clean images looks like it
        post(served.client, encoded(digit(), "PNG"))
    after = served.client.get(f"/v1/models/{name}/health").json()
    assert after["images"] >= before["images"] + 12
    assert after["state"] == "drifted"
    assert after["scores"]["drifted"]
    assert after["n_clean"] == bundle.detector.calibration.images
    version = after["version"]
    found = served.scrape()
    assert found["pathprint_score_distance"][name, version] == pytest.approx(after["scores"]["distance"])
    assert found["pathprint_scores_drifted"][name, version] == 1
    assert served.client.get("/v1/models/nobody/health").status_code == 404


def test_series_stay_few_for_a_network_of_many_classes() -> None:
    metrics = Metrics()
    for number in range(5 * CLASSES):
        metrics.decided(decision(predicted=number, label=f"class {number}"))
    (family,) = metrics.verdicts.collect()
    assert len([one for one in family.samples if one.name.endswith("_total")]) == CLASSES + 1


def test_a_blocked_loop_is_seen() -> None:
    lag = Metrics().loop_lag

    async def block() -> None:
        watching = asyncio.create_task(watch_loop(lag))
        await asyncio.sleep(0)
        await asyncio.to_thread(lambda: None)
        import time

        time.sleep(0.8)
        await asyncio.sleep(0.3)
        watching.cancel()

    asyncio.run(block())
    (family,) = lag.collect()
    (total,) = (one.value for one in family.samples if one.name.endswith("_sum"))
    assert total > 0.4


def test_a_port_that_is_taken_is_refused_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(MonitoringError, match="choose another PATHPRINT_METRICS_PORT"):
            check_port("127.0.0.1", taken.getsockname()[1])
