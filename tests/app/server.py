"""Run the service as uvicorn does, on a port that is free."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

_START_SECONDS = 60


@contextmanager
def serving(app: FastAPI, lifespan: bool = True) -> Iterator[str]:
    """Serve ``app`` from a thread; yield its address."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="on" if lifespan else "off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.started, "the server did not start"
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive(), "the server did not stop"


def post(client: httpx.Client, content: bytes, content_type: str = "image/png", **query: str) -> httpx.Response:
    """Post raw bytes to be judged."""
    return client.post("/v1/detect", content=content, headers={"Content-Type": content_type}, params=query)


def problem(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem, after checking all that every problem must have."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "instance", "code", "request_id", "error"}
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["instance"] == f"urn:request:{body['request_id']}"
    assert body["type"] == f"urn:pathprint:problem:{body['code']}"
    assert body["title"]
    assert body["error"] == body["detail"]
    assert body["detail"].endswith(".")
    return response.status_code, body["code"]
