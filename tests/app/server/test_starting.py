"""Starting: the port is taken first, and says that the service is not ready until it is."""

from __future__ import annotations

import sys
import threading
import time

import pytest
from starlette.types import ASGIApp

from pathprint.app.__main__ import main
from pathprint.app.server.listening import listen
from pathprint.app.server.server import Server
from tests.app.server import QUICK
from tests.app.server.raw import CLOSE, exchange, get, post
from tests.app.server.small import small_app


def test_until_the_service_is_loaded_it_is_alive_and_not_ready() -> None:
    loaded = threading.Event()

    def load() -> ASGIApp:
        loaded.wait()
        return small_app()

    listener = listen("127.0.0.1", 0)
    address = "http://{}:{}".format(*listener.getsockname())
    server = Server(listener, load, QUICK)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert exchange(address, get("/livez", CLOSE))[0].status == 200
    for request in (get("/readyz"), get("/v1/models"), post(3) + b"abc"):
        (answer,) = exchange(address, request)
        assert answer.problem == (503, "not_ready")
        assert answer.headers["retry-after"] == "1"
    loaded.set()
    while exchange(address, get("/readyz", CLOSE))[0].status != 200:
        time.sleep(0.05)
    server.should_exit = True
    thread.join(60)
    assert server.status == 0


@pytest.mark.parametrize(("error", "status"), [(SystemExit(2), 2), (RuntimeError("a fault of ours"), 3)])
def test_a_service_that_cannot_be_loaded_ends_the_server(error: BaseException, status: int) -> None:
    def load() -> ASGIApp:
        raise error

    server = Server(listen("127.0.0.1", 0), load, QUICK)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    thread.join(60)
    assert server.status == status


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["app", ".", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    output, errors = capsys.readouterr()
    assert (ended.value.code, output) == (2, "")
    return errors


def test_a_taken_port_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        said = refused(monkeypatch, capsys, "--port", str(port))
    assert said == (
        f"pathprint: cannot listen on port {port} of 127.0.0.1: address already in use; choose another with --port.\n"
    )


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a b", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setenv("PATHPRINT_ALLOW_ANONYMOUS", "true")
    said = refused(monkeypatch, capsys, "--host", host, "--port", "8000")
    assert host in said
    assert "--host" in said or "--port" in said
    assert said.count("\n") == 1
