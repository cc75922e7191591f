"""The page at /docs: it runs nothing and loads nothing."""

from __future__ import annotations

import re
from typing import Any

import httpx

from pathprint.app.api.page import page_of


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


def test_what_the_document_says_is_escaped() -> None:
    text = "<script>alert(1)</script>"
    operation: dict[str, Any] = {"summary": text, "description": text, "responses": {"200": {"description": text}}}
    document = {
        "info": {"title": text, "version": text, "description": text},
        "paths": {text: {"get": operation}},
        "components": {"schemas": {text: {"description": text}}},
    }
    assert "<script" not in page_of(document)
