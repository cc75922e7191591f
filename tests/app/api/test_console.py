"""The console's files: strict headers, fixed names, kept by browsers, and nothing where the operator wants none."""

from __future__ import annotations

import httpx
import pytest
from starlette.testclient import TestClient

from pathprint.app.api.routes.console import FOLDER
from pathprint.app.main import create_app
from pathprint.app.settings import Settings
from tests.app.server import problem

FILES = sorted(file.name for file in FOLDER.iterdir() if file.name != "index.html")


@pytest.mark.parametrize("path", ["/", *(f"/console/{name}" for name in FILES)])
def test_a_file_has_its_type_and_strict_headers(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    name = path.rpartition("/")[2] or "index.html"
    assert answer.content == (FOLDER / name).read_bytes()
    kind = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert answer.headers["content-type"].startswith(kind[name.rpartition(".")[2]])
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_browser_that_has_a_file_gets_it_not_again(client: httpx.Client) -> None:
    tag = client.get("/console/main.js").headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get("/console/main.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/console/main.js", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/console/console.css"])
def test_head_answers_without_the_content(client: httpx.Client, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    "path",
    [
        "/console/",
        "/console/none.js",
        "/console/index.html",
        "/console/main.js/",
        "/console/..%2fmain.py",
        "/console/%2e%2e/main.py",
        "/console/..%5cmain.py",
        "/console/main.js%00",
        "/console/MAIN.JS",
        "/console//etc/passwd",
        "/favicon.ico",
    ],
)
def test_whatever_else_is_asked_for_is_not_there(client: httpx.Client, path: str) -> None:
    assert problem(client.get(path)) == (404, "not_found")


def test_files_are_read_and_not_changed(client: httpx.Client) -> None:
    assert problem(client.put("/", content=b"")) == (405, "method_not_allowed")
    assert problem(client.delete("/console/main.js")) == (405, "method_not_allowed")


def test_where_the_operator_wants_no_console_there_is_none() -> None:
    with TestClient(create_app(settings=Settings(console=False, exit_if_refused=False))) as client:
        for path in ("/", "/console/main.js"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
