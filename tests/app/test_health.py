"""Probes: alive is not ready."""

from __future__ import annotations

import httpx

from pathprint.app.main import create_app
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.server import post, problem, serving


def test_a_running_service_is_alive(client: httpx.Client) -> None:
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_a_ready_service_says_with_which_bundle(client: httpx.Client, bundle: Bundle) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert response.json()["model"]["bundle_sha256"] == bundle.sha256


def test_before_it_has_started_a_service_is_alive_but_not_ready(bundle: Bundle) -> None:
    app = create_app(bundle)
    with serving(app, lifespan=False) as address, httpx.Client(base_url=address) as client:
        assert client.get("/livez").status_code == 200
        for response in (client.get("/readyz"), post(client, encoded(digit(), "PNG"))):
            assert problem(response) == (503, "not_ready")
            assert response.headers["retry-after"] == "1"


def test_a_service_that_has_stopped_can_start_again(bundle: Bundle) -> None:
    app = create_app(bundle)
    for _ in range(2):
        with serving(app) as address:
            assert httpx.get(f"{address}/readyz").status_code == 200


def test_a_service_whose_model_thread_has_ended_is_not_alive(bundle: Bundle) -> None:
    app = create_app(bundle)
    with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        app.state.service.examiner._model.close()
        assert problem(client.get("/livez")) == (503, "not_alive")
