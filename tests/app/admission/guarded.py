"""A small service behind the real guards, for tests of who may ask it and how often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request

from pathprint.app.admission.context import RequestContext
from pathprint.app.admission.guards import add_guards
from pathprint.app.admission.keys import digest, new_secret
from pathprint.app.problems.reporting import install
from pathprint.app.settings import Settings


def guarded(**settings: Any) -> FastAPI:
    """Return a service that answers each request with what the guards found out about it."""
    app = FastAPI(openapi_url=None)
    add_guards(app, Settings(**settings))
    app.add_middleware(RequestContext)
    install(app)

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def echo(request: Request) -> dict[str, Any]:
        key, hardening = getattr(request.state, "key", None), request.state.hardening
        return {"key": key and key.id, "detail": hardening.detail, "digits": hardening.digits}

    return app


def ask(
    app: FastAPI, path: str = "/v1/detect", method: str = "POST", client: str = "192.0.2.1", **options: Any
) -> httpx.Response:
    """Send one request from the address ``client``."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(client, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as sender:
            return await sender.request(method, path, **options)

    return asyncio.run(send())


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def key_file(folder: Path, *entries: Mapping[str, Any]) -> tuple[Path, list[str]]:
    """Write a key file; return its path and the keys themselves."""
    secrets = [new_secret() for _ in entries]
    keys = [{"sha256": digest(secret), **entry} for secret, entry in zip(secrets, entries, strict=True)]
    path = folder / "keys.json"
    path.write_text(json.dumps({"keys": keys}))
    return path, secrets
