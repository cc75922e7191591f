"""Run the service on its own server, on a port that is free."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import httpx
from starlette.types import ASGIApp

from pathprint.app.server.listening import listen
from pathprint.app.server.server import Server
from pathprint.app.settings import Settings

_START_SECONDS = 60
QUICK = Settings(pause_seconds=0)


@contextmanager
def serving(app: ASGIApp, lifespan: bool = True, settings: Settings = QUICK) -> Iterator[str]:
    """Serve ``app`` from a thread; yield its address."""
    with running(app, lifespan, settings) as server:
        yield "http://{}:{}".format(*server.acceptor.address)


@contextmanager
def running(app: ASGIApp, lifespan: bool = True, settings: Settings = QUICK) -> Iterator[Server]:
    """Serve ``app`` from a thread; yield the server."""
    server = Server(listen("127.0.0.1", 0), lambda: app, settings, "on" if lifespan else "off")
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not server.door.open and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.door.open, "the server did not start"
        yield server
    finally:
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive(), "the server did not stop"


def post(client: httpx.Client, content: bytes, content_type: str = "image/png", **query: str) -> httpx.Response:
    """Post raw bytes to be judged."""
    return client.post("/v1/detect", content=content, headers={"Content-Type": content_type}, params=query)


class Response(Protocol):
    """An answer; the test client of Starlette has another class for it than httpx."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def json(self) -> Any: ...


def problem(response: Response) -> tuple[int, str]:
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
