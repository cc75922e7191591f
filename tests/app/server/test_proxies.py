"""Whom the server believes when it is told that a request comes from another address."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from pathprint.app.server.door import Door
from pathprint.app.server.server import Config
from tests.app.server import QUICK


async def _say_client(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"{scope['client'][0]} {Request(scope).url.scheme}")(scope, receive, send)


def seen_from(client: str) -> str:
    """Return whom the service sees when ``client`` says that it asks for somebody else."""
    door = Door()
    door.app, door.open = _say_client, True
    config = Config(door, QUICK, "off")
    config.load()

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(config.loaded_app, client=(client, 50000))
        headers = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as sender:
            return await sender.get("/", headers=headers)

    return asyncio.run(ask()).text


@pytest.mark.parametrize("allowed", [None, ""])
@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "192.0.2.1"])
def test_nobody_is_believed_by_default(client: str, allowed: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if allowed is not None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", allowed)
    assert seen_from(client) == f"{client} http"


def test_the_proxies_that_are_named_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    assert seen_from("192.0.2.1") == "198.51.100.7 https"
    assert seen_from("127.0.0.1") == "127.0.0.1 http"
