"""Bundles are loaded while the service already answers that it is not ready."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from pathprint.app.main import create_app
from pathprint.app.runtime import loading
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle, checksum_of
from tests.app.bundles import damage, variant
from tests.app.images import digit, encoded
from tests.app.server import post, problem, serving

SECONDS = 60
PNG = encoded(digit(), "PNG")


def until(client: httpx.Client, status: int, said: str) -> httpx.Response:
    """Return the answer of ``/readyz`` that has this status and says this."""
    deadline = time.monotonic() + SECONDS
    while (response := client.get("/readyz")).status_code != status or said not in response.text:
        assert time.monotonic() < deadline, response.text
        time.sleep(0.02)
    return response


@pytest.fixture
def let_go(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Until this is set, checking the files of version 1 waits, as it would for a slow disk."""
    event = threading.Event()

    def slow(folder: Path | str, trusted: Sequence[Path | str] | None) -> str:
        assert Path(folder).name != "1" or event.wait(SECONDS)
        return checksum_of(folder, trusted)

    monkeypatch.setattr(loading, "checksum_of", slow)
    return event


def test_it_is_alive_at_once_says_what_it_loads_and_becomes_ready(
    bundle: Bundle, tmp_path: Path, let_go: threading.Event
) -> None:
    variant(bundle, tmp_path / "digits" / "1", 1)
    newest = variant(bundle, tmp_path / "digits" / "2", 2).sha256
    app = create_app(settings=Settings(bundle=(str(tmp_path),)))
    with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        until(client, 503, "still loads: digits 1 (checking its files)")
        assert client.get("/livez").status_code == 200
        for refusal in (client.get("/readyz"), post(client, PNG)):
            assert problem(refusal) == (503, "not_ready")
            assert refusal.headers["retry-after"] == "1"
        let_go.set()
        models = until(client, 200, "ready").json()["models"]
        assert post(client, PNG).json()["model"]["bundle_sha256"] == newest
    assert [(one["name"], one["version"]) for one in models] == [("digits", "2"), ("digits", "1")]


@pytest.fixture
def damaged(bundle: Bundle, tmp_path: Path) -> Path:
    variant(bundle, tmp_path / "digits", 1)
    damage(tmp_path / "digits")
    return tmp_path / "digits"


def test_a_bundle_that_is_refused_at_the_start_ends_the_service_with_one_line(
    damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(settings=Settings(bundle=(str(damaged),)))

    async def serve() -> None:
        async with app.router.lifespan_context(app):
            await asyncio.sleep(SECONDS)

    with pytest.raises(SystemExit) as ended:
        asyncio.run(serve())
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"pathprint: {damaged}")


def test_told_to_stay_it_is_not_ready_until_the_bundle_is_mended(bundle: Bundle, damaged: Path) -> None:
    app = create_app(settings=Settings(bundle=(str(damaged),), exit_if_refused=False))

    async def serve() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            before = await client.get("/readyz")
            while "the log says why" not in before.text:
                await asyncio.sleep(0.01)
                before = await client.get("/readyz")
            variant(bundle, damaged, 1)
            os.kill(os.getpid(), signal.SIGHUP)
            after = before
            while after.status_code != 200:
                await asyncio.sleep(0.01)
                after = await client.get("/readyz")
            return before, after

    with capture_logs() as logs:
        before, after = asyncio.run(asyncio.wait_for(serve(), SECONDS))
    assert problem(before) == (503, "not_ready")
    assert str(damaged) not in before.text
    assert json.loads(after.text)["status"] == "ready"
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["bundles refused"]
