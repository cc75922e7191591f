"""``GET /openapi.json``, and ``GET /docs``, which shows it as a page. Both are made once, when first asked for."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request, Response

from pathprint.app.api.page import POLICY, page_of

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class _Documents:
    """The OpenAPI document of a service as JSON, and as a page."""

    described: bytes
    page: bytes


@router.get("/openapi.json")
async def described(request: Request) -> Response:
    """Return the OpenAPI document."""
    return Response((await _documents(request.app)).described, media_type="application/json")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Return a page without scripts, which needs nothing of other hosts."""
    page = (await _documents(request.app)).page
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": POLICY})


async def _documents(app: FastAPI) -> _Documents:
    """Return the documents. They are made on another thread, as that takes long enough to keep requests waiting."""
    if getattr(app.state, "documents", None) is None:
        app.state.documents = asyncio.ensure_future(asyncio.to_thread(_made, app))
    made: asyncio.Future[_Documents] = app.state.documents
    return await asyncio.shield(made)  # whoever leaves does not take it from the others


def _made(app: FastAPI) -> _Documents:
    document = app.openapi()
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return _Documents(text.encode(), page_of(document).encode())
