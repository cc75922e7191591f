"""The page at /docs: it runs nothing and loads nothing."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest

from pathprint.app.api.page import page_of
from pathprint.app.main import create_app


def test_it_shows_every_route_and_answer(client: httpx.Client) -> None:
    response = client.get("/docs")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for path, item in client.get("/openapi.json").json()["paths"].items():
        assert path in response.text
        for operation in item.values():
            assert operation["summary"] in response.text.replace("&#39;", "'")


def test_it_runs_no_scripts_and_loads_nothing(client: httpx.Client) -> None:
    response = client.get("/docs")
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|\bon\w+=", response.text)
    assert re.findall(r'href="([^"]*)"', response.text) == ["openapi.json"]
    assert response.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert client.get("/docs/oauth2-redirect").status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_it_is_made_once(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app, made = create_app(), list[object]()

    def page(document: object) -> str:
        made.append(document)
        return "<p>"

    monkeypatch.setattr("pathprint.app.api.routes.docs.page_of", page)

    async def asked() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as sender:
            answers = await asyncio.gather(*(sender.get(path) for _ in range(5)))
            assert len({answer.content for answer in [*answers, await sender.get(path)]}) == 1

    asyncio.run(asked())
    assert len(made) == 1


def test_what_the_document_says_is_escaped() -> None:
    text = "<script>alert(1)</script>"
    operation: dict[str, Any] = {"summary": text, "description": text, "responses": {"200": {"description": text}}}
    document = {
        "info": {"title": text, "version": text, "description": text},
        "paths": {text: {"get": operation}},
        "components": {"schemas": {text: {"description": text}}},
    }
    assert "<script" not in page_of(document)
