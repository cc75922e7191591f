"""``POST /v1/admin/reload``: off by default, for keys of one scope, and never in the way of requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from pathprint.app.main import create_app
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.bundles import damage, variant
from tests.app.images import digit, encoded
from tests.app.server import post, problem, serving

PATH = "/v1/admin/reload"
PNG = encoded(digit(), "PNG")


@dataclass
class Keys:
    """Stands for authentication, which lets the routes know of a request's key."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scopes = [value.decode() for name, value in scope.get("headers", []) if name == b"x-test-scopes"]
        if scopes:
            scope.setdefault("state", {})["key"] = SimpleNamespace(id="test", scopes=frozenset(scopes), digits=None)
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def folder(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("served") / "digits"
    variant(bundle, found, 0)
    return found


@pytest.fixture(scope="module")
def admin(bundle: Bundle, folder: Path) -> Iterator[httpx.Client]:
    app = create_app(bundle, Settings(bundle=(str(folder),), admin_calls=True))
    app.add_middleware(Keys)
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def reload(client: httpx.Client, scope: str = "admin") -> httpx.Response:
    return client.post(PATH, headers={"X-Test-Scopes": scope})


def bundle_of(client: httpx.Client) -> str:
    return str(post(client, PNG).json()["model"]["bundle_sha256"])


def test_it_is_not_there_unless_it_is_asked_for(client: httpx.Client) -> None:
    assert problem(client.post(PATH)) == (404, "not_found")
    assert PATH not in client.get("/openapi.json").json()["paths"]


def test_a_key_without_the_scope_may_not(admin: httpx.Client) -> None:
    assert problem(admin.post(PATH)) == (403, "insufficient_scope")
    assert problem(reload(admin, "detect")) == (403, "insufficient_scope")


def test_the_bundle_in_the_folder_takes_over(admin: httpx.Client, bundle: Bundle, folder: Path) -> None:
    before = bundle_of(admin)
    after = variant(bundle, folder, 1).sha256
    body = reload(admin).json()
    assert [one["bundle_sha256"] for one in body["loaded"]] == [after]
    assert [one["bundle_sha256"] for one in body["removed"]] == [before]
    assert bundle_of(admin) == after
    assert [one["bundle_sha256"] for one in reload(admin).json()["kept"]] == [after]


def test_a_refused_bundle_is_answered_and_the_old_one_goes_on(
    admin: httpx.Client, bundle: Bundle, folder: Path
) -> None:
    variant(bundle, folder, 2)
    assert reload(admin).status_code == 200
    before = bundle_of(admin)
    damage(folder)
    refusal = reload(admin)
    assert problem(refusal) == (409, "reload_failed")
    assert "checking its files" in refusal.json()["detail"]
    assert str(folder) not in refusal.text
    assert bundle_of(admin) == before
    assert admin.get("/readyz").json()["model"]["bundle_sha256"] == before


def test_a_bundle_that_is_replaced_is_released_once_its_requests_are_answered(bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    old = variant(bundle, folder, 1).sha256
    app = create_app(settings=Settings(bundle=(str(folder),), admin_calls=True))
    app.add_middleware(Keys)
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client, capture_logs() as logs:
        within_a_minute(lambda: client.get("/readyz").status_code == 200)
        assert post(client, PNG).status_code == 200
        variant(bundle, folder, 2)
        assert reload(client).status_code == 200
        # No further image comes: threads that wait for one must not hold the bundle of the last one.
        within_a_minute(lambda: {"bundle released"} & {line["event"] for line in logs})
        (line,) = [line for line in logs if line["event"] == "bundle released"]
        assert line["bundle_sha256"] == old


def within_a_minute(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_service_that_was_handed_its_bundle_has_nothing_to_load(bundle: Bundle) -> None:
    app = create_app(bundle, Settings(bundle=None, admin_calls=True))
    app.add_middleware(Keys)
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert problem(reload(client)) == (409, "reload_failed")
