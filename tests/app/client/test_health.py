"""``--health``: what a container's health check runs."""

from __future__ import annotations

import socket

import httpx
import pytest

from pathprint.app.client.health import check
from pathprint.app.main import create_app
from pathprint.profiling.detection.bundle import Bundle
from tests.app.server import serving


def test_a_ready_service_is_healthy(address: str, bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(f"{address}/") == 0
    assert capsys.readouterr() == (f"ready: digits-cnn {bundle.sha256[:12]}\n", "")


def test_a_service_that_is_not_ready_is_not(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(create_app(bundle), lifespan=False) as address:
        assert check(address) == 1
        detail = httpx.get(f"{address}/readyz").json()["detail"]
    assert capsys.readouterr() == ("", f"pathprint: {address}/readyz is not ready: 503 {detail}\n")


@pytest.mark.parametrize("address", ["", "nonsense", "http://", "http://127.0.0.1:{port}", "ftp://127.0.0.1:{port}"])
def test_where_nothing_answers_one_line_says_so(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = address.format(port=probe.getsockname()[1])
        assert check(url) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    (line,) = errors.splitlines()
    assert line.startswith("pathprint: ")


def test_a_page_that_is_no_answer_of_ours_is_not_healthy(address: str) -> None:
    assert check(f"{address}/openapi.json?") == 1
    assert check(f"{address}/livez?x=") == 1
