"""``POST /v1/admin/reload``: off by default, for keys of one scope, and never in the way of requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from structlog.testing import capture_logs

from pathprint.app.main import create_app
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.admission.guarded import bearer, key_file
from tests.app.bundles import damage, variant
from tests.app.collection import without_collection
from tests.app.images import digit, encoded
from tests.app.server import post, problem, serving


class Admin(NamedTuple):
    client: httpx.Client
    key: dict[str, str]


PATH = "/v1/admin/reload"
PNG = encoded(digit(), "PNG")


def opened(folder: Path, **settings: Any) -> tuple[Settings, dict[str, str]]:
    """Return settings that serve anybody and know an administrator, and the headers that the administrator sends."""
    file, (secret,) = key_file(folder, {"id": "operations", "scopes": ["admin"]})
    return Settings(keys=file, allow_anonymous=True, admin_calls=True, **settings), bearer(secret)


@pytest.fixture(scope="module")
def folder(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("served") / "digits"
    variant(bundle, found, 0)
    return found


@pytest.fixture(scope="module")
def admin(bundle: Bundle, folder: Path) -> Iterator[Admin]:
    settings, key = opened(folder.parent, bundle=(str(folder),))
    with serving(create_app(bundle, settings)) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield Admin(client, key)


def reload(admin: Admin) -> httpx.Response:
    return admin.client.post(PATH, headers=admin.key)


def bundle_of(client: httpx.Client) -> str:
    return str(post(client, PNG).json()["model"]["bundle_sha256"])


def test_it_is_not_there_unless_it_is_asked_for(client: httpx.Client) -> None:
    assert PATH not in client.get("/openapi.json").json()["paths"]


def test_nobody_may_without_a_key(admin: Admin) -> None:
    assert problem(admin.client.post(PATH)) == (401, "missing_key")


def test_the_bundle_in_the_folder_takes_over(admin: Admin, bundle: Bundle, folder: Path) -> None:
    before = bundle_of(admin.client)
    after = variant(bundle, folder, 1).sha256
    body = reload(admin).json()
    assert [one["bundle_sha256"] for one in body["loaded"]] == [after]
    assert [one["bundle_sha256"] for one in body["removed"]] == [before]
    assert bundle_of(admin.client) == after
    assert [one["bundle_sha256"] for one in reload(admin).json()["kept"]] == [after]


def test_a_refused_bundle_is_answered_and_the_old_one_goes_on(admin: Admin, bundle: Bundle, folder: Path) -> None:
    variant(bundle, folder, 2)
    assert reload(admin).status_code == 200
    before = bundle_of(admin.client)
    damage(folder)
    refusal = reload(admin)
    assert problem(refusal) == (409, "reload_failed")
    assert "checking its files" in refusal.json()["detail"]
    assert str(folder) not in refusal.text
    assert bundle_of(admin.client) == before
    assert admin.client.get("/readyz").json()["model"]["bundle_sha256"] == before


def test_a_bundle_that_is_replaced_is_released_once_its_requests_are_answered(bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    old = variant(bundle, folder, 1).sha256
    settings, key = opened(tmp_path, bundle=(str(folder),))
    with (
        serving(create_app(settings=settings)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
        capture_logs() as logs,
        without_collection(),  # or a bundle would be free only when Python next looks for cycles
    ):
        within_a_minute(lambda: client.get("/readyz").status_code == 200)
        assert post(client, PNG).status_code == 200
        variant(bundle, folder, 2)
        assert reload(Admin(client, key)).status_code == 200
        # No further image comes: threads that wait for one must not hold the bundle of the last one.
        within_a_minute(lambda: "bundle released" in {line["event"] for line in logs})
        (line,) = [line for line in logs if line["event"] == "bundle released"]
        assert line["bundle_sha256"] == old


def within_a_minute(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_service_that_was_handed_its_bundle_has_nothing_to_load(bundle: Bundle, tmp_path: Path) -> None:
    settings, key = opened(tmp_path, bundle=None)
    with serving(create_app(bundle, settings)) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert problem(reload(Admin(client, key))) == (409, "reload_failed")
