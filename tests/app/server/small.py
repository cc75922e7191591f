"""A small service on the real server, with the real layers around it, for tests that need no bundle."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request

from pathprint.app.admission.context import RequestContext
from pathprint.app.problems.reporting import install
from pathprint.app.server.bodies import BodyBudget
from pathprint.app.server.security_headers import SecurityHeaders
from pathprint.app.server.strictness import StrictRequests
from pathprint.app.settings import Settings
from tests.app.server import QUICK


def small_app(settings: Settings = QUICK) -> FastAPI:
    """Return a service that waits, reads bodies and answers at length."""
    app = FastAPI(docs_url=None, redoc_url=None)
    app.add_middleware(BodyBudget, total=settings.max_bodies_bytes)
    app.add_middleware(StrictRequests, settings=settings)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestContext)
    install(app)
    app.add_api_route("/livez", _livez)
    app.add_api_route("/readyz", _livez)
    app.add_api_route("/wait", _wait)
    app.add_api_route("/large", _large)
    app.add_api_route("/read", _read, methods=["POST"])
    app.add_api_route("/ignore", _livez, methods=["POST"])
    return app


async def _livez() -> dict[str, str]:
    return {"status": "alive"}


async def _wait(seconds: float) -> dict[str, float]:
    await asyncio.sleep(seconds)
    return {"waited": seconds}


async def _large() -> str:
    return "x" * 30_000_000


async def _read(request: Request) -> dict[str, int]:
    return {"bytes": sum([len(chunk) async for chunk in request.stream()])}
