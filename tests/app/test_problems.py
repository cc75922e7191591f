"""Errors of the framework, of the client and of ours: all are problem documents with an id."""

from __future__ import annotations

import httpx
import pytest
from structlog.testing import capture_logs

from pathprint.app.main import create_app
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.server import post, problem, serving

PNG = encoded(digit(), "PNG")


@pytest.mark.parametrize("path", ["/none", "/v1", "/v1/detect/", "/v2/detect", "/v1/detect/x"])
def test_an_unknown_path_is_not_found(client: httpx.Client, path: str) -> None:
    assert problem(client.get(path)) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"])
def test_another_method_is_refused_with_the_allowed_one(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/v1/detect")
    assert problem(response) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("detail", ["", "all", "Evidence", "<script>"])
def test_an_unknown_detail_is_a_bad_parameter(client: httpx.Client, detail: str) -> None:
    response = post(client, PNG, detail=detail)
    assert problem(response) == (422, "bad_parameter")
    (error,) = response.json()["errors"]
    assert error["parameter"] == "detail"
    assert "<script>" not in response.text


@pytest.mark.parametrize("request_id", ["a", "0.A-z_9", "x" * 128])
def test_a_sound_request_id_comes_back(client: httpx.Client, request_id: str) -> None:
    headers = {"Content-Type": "image/png", "X-Request-ID": request_id}
    response = client.post("/v1/detect", content=PNG, headers=headers)
    assert response.headers["x-request-id"] == response.json()["request_id"] == request_id


@pytest.mark.parametrize("request_id", [b"", b"a b", b"x" * 129, b"a/b", b"{}", "é".encode()])
def test_any_other_request_id_is_replaced(client: httpx.Client, request_id: bytes) -> None:
    response = client.get("/nowhere", headers={b"X-Request-ID": request_id})
    assert response.headers["x-request-id"].encode() not in (b"", request_id)
    assert problem(response) == (404, "not_found")


def test_requests_get_ids_of_their_own(client: httpx.Client) -> None:
    assert len({client.get("/livez").headers["x-request-id"] for _ in range(3)}) == 3


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/openapi.json"])
def test_no_answer_may_be_sniffed(client: httpx.Client, path: str) -> None:
    assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_an_unexpected_error_is_a_problem_without_its_text(bundle: Bundle) -> None:
    app = create_app(bundle)

    async def fail() -> None:
        raise RuntimeError("secret path /etc/shadow")

    app.add_api_route("/broken", fail)
    with serving(app) as address, httpx.Client(base_url=address) as client, capture_logs() as logs:
        response = client.get("/broken", headers={"X-Request-ID": "mine"})
        assert problem(response) == (500, "internal")
        assert "secret" not in response.text
        assert client.get("/livez").status_code == 200
    (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert "secret path" in entry["traceback"]


def test_every_request_leaves_one_line(bundle: Bundle) -> None:
    with capture_logs() as logs:
        # The line is written after the answer is sent: only when the server has stopped are all there.
        with serving(create_app(bundle)) as address, httpx.Client(base_url=address) as client:
            post(client, PNG)
            post(client, b"text")
            client.get("/nowhere?token=secret")
        lines = [entry for entry in logs if entry["event"] == "request"]
    kept = ("method", "path", "status", "code")
    assert [{name: entry[name] for name in kept if name in entry} for entry in lines] == [
        {"method": "POST", "path": "/v1/detect", "status": 200},
        {"method": "POST", "path": "/v1/detect", "status": 422, "code": "undecodable_image"},
        {"method": "GET", "path": "/nowhere", "status": 404, "code": "not_found"},
    ]
    assert lines[0]["verdict"] in ("benign", "adversarial", "uncertain")
    assert all(entry["ms"] >= 0 for entry in lines)
