"""API keys at the door: which requests pass, and what the others are told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from tests.app.admission.asking import Asking
from tests.app.admission.guarded import ask, bearer, guarded, key_file
from tests.app.server import problem


@pytest.fixture
def shop(tmp_path: Path) -> tuple[FastAPI, str]:
    path, (secret,) = key_file(tmp_path, {"id": "shop", "detail": "score", "digits": 2})
    return guarded(keys=path), secret


def test_a_key_is_taken_from_either_header(shop: tuple[FastAPI, str]) -> None:
    app, secret = shop
    for headers in (
        bearer(secret),
        {"Authorization": f"bearer  {secret} "},
        {"X-API-Key": secret},
        {"X-API-Key": secret, "Authorization": "Basic cHJveHk6cHJveHk="},
        {"X-API-Key": secret} | bearer(secret),
    ):
        answer = ask(app, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"key": "shop", "detail": "score", "digits": 2})


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic cHJveHk6cHJveHk="}])
def test_a_request_without_a_key_is_told_how_to_send_one(shop: tuple[FastAPI, str], headers: dict[str, str]) -> None:
    answer = ask(shop[0], headers=headers)
    assert problem(answer) == (401, "missing_key")
    assert answer.headers["www-authenticate"] == 'Bearer realm="pathprint"'


@pytest.mark.parametrize(
    "headers",
    [
        bearer("pathprint_unknown"),
        {"Authorization": "Bearer"},
        {"X-API-Key": ""},
        {"X-API-Key": "k" * 5000},
        {"X-API-Key": "one", "Authorization": "Bearer other"},
        [("X-API-Key", "one"), ("X-API-Key", "other")],
        {"X-API-Key": "schlüssel".encode("latin-1")},
    ],
)
def test_a_key_that_is_not_accepted_is_refused(shop: tuple[FastAPI, str], headers: Any) -> None:
    answer = ask(shop[0], headers=headers)
    assert problem(answer) == (401, "invalid_key")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "unknown"}], ids=["no key", "unknown key"])
def test_whoever_may_not_ask_is_refused_before_the_body_is_read(
    shop: tuple[FastAPI, str], headers: dict[str, str]
) -> None:
    asking = Asking(headers={"Content-Length": "10000000"} | headers).body(more=True)
    asyncio.run(asking.of(shop[0]))
    assert (asking.status, asking.read) == (401, 0)


def test_a_valid_key_beside_a_wrong_one_is_refused(shop: tuple[FastAPI, str]) -> None:
    app, secret = shop
    assert problem(ask(app, headers=bearer(secret) | {"X-API-Key": "other"})) == (401, "invalid_key")


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("POST", "/v1/detect", "detect"),
        ("POST", "/v1/detect/batch", "detect"),
        ("POST", "/v1/classify", "detect"),
        ("POST", "/v2/models/digits-cnn/infer", "detect"),
        ("POST", "/v2/models/digits-cnn/versions/1/infer", "detect"),
        ("POST", "/v1/explain", "explain"),
        ("POST", "/v1/picture", "explain"),
        ("GET", "/v1/models", "read"),
        ("GET", "/v1/models/digits-cnn/health", "read"),
        ("GET", "/v2", "read"),
        ("GET", "/anything/else", "read"),
        ("GET", "/v1/models/digits-cnn/similarity", "read"),
        ("GET", "/v1/models/digits-cnn/examples/0/clean", "read"),
        ("GET", "/v1/monitor", "monitor"),
        ("GET", "/v1/monitor/events", "monitor"),
        ("GET", "/console/a/b", "read"),
        ("GET", "/v1/admin/state", "admin"),
        ("POST", "/v1/admin/reload", "admin"),
        ("POST", "/v2/repository/models/digits-cnn/load", "admin"),
        ("POST", "/anything/else", "admin"),
        ("POST", "/v1/detect/", "admin"),
    ],
)
def test_each_address_needs_its_scope_and_no_other(tmp_path: Path, method: str, path: str, needed: str) -> None:
    scopes = ("detect", "explain", "read", "monitor", "admin")
    file, secrets = key_file(tmp_path, *({"id": scope, "scopes": [scope]} for scope in scopes))
    app = guarded(keys=file)
    for scope, secret in zip(scopes, secrets, strict=True):
        answer = ask(app, path, method, headers=bearer(secret))
        if scope == needed:
            assert answer.status_code == 200
        else:
            assert problem(answer) == (403, "insufficient_scope")
            assert f'scope="{needed}"' in answer.headers["www-authenticate"]


CONSOLE = ["/", "/console/main.js"]


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/openapi.json", "/docs", *CONSOLE]
)
def test_probes_the_description_and_the_page_itself_need_no_key(shop: tuple[FastAPI, str], path: str) -> None:
    assert ask(shop[0], path, "GET").status_code == 200
    assert ask(shop[0], path, "GET", headers=bearer("wrong")).status_code == 200


def test_without_a_key_file_all_but_administration_is_open() -> None:
    app = guarded()
    answer = ask(app, headers=bearer("whatever"))
    assert answer.json() == {"key": None, "detail": "evidence", "digits": None}
    assert problem(ask(app, "/v1/admin/reload")) == (401, "missing_key")


HERE = ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000", "a.localhost", "localhost."]
ELSEWHERE = ["", "detector.example.org", "localhost.example.org", "192.0.2.1", "127.0.0.1.example.org", "[2001:db8::1]"]


@pytest.mark.parametrize("host", HERE)
def test_without_a_key_file_the_machine_itself_may_watch(host: str) -> None:
    assert ask(guarded(), "/v1/monitor", "GET", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_page_under_another_name_may_not_watch(host: str) -> None:
    assert problem(ask(guarded(), "/v1/monitor", "GET", headers={"Host": host})) == (401, "missing_key")


def test_clients_without_a_key_may_not_watch_where_all_may_ask(tmp_path: Path) -> None:
    file, _ = key_file(tmp_path, {"id": "shop"})
    for app in (guarded(allow_anonymous=True), guarded(keys=file, allow_anonymous=True)):
        asked = ask(app, "/v1/monitor", "GET", headers={"Host": "localhost"})
        assert problem(asked) == (401, "missing_key")


def test_anonymous_clients_beside_keys_are_told_what_the_settings_say(tmp_path: Path) -> None:
    file, (secret,) = key_file(tmp_path, {"id": "shop"})
    app = guarded(keys=file, allow_anonymous=True, anonymous_detail="verdict", anonymous_digits=1)
    assert ask(app).json() == {"key": None, "detail": "verdict", "digits": 1}
    assert ask(app, headers=bearer(secret)).json() == {"key": "shop", "detail": "evidence", "digits": None}
    assert problem(ask(app, headers=bearer("wrong"))) == (401, "invalid_key")


def test_no_log_line_holds_a_key(shop: tuple[FastAPI, str]) -> None:
    app, secret = shop
    with capture_logs() as lines:
        for headers in (bearer(secret), {"X-API-Key": secret}, bearer(secret + "x")):
            ask(app, headers=headers)
    assert [line["event"] for line in lines] == ["request"] * 3
    assert secret not in str(lines)
    assert [line.get("key") for line in lines] == ["shop", "shop", None]
