"""Stopping: readiness fails first, nothing that was sent is lost, and what cannot be finished is answered."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from pathprint.app.settings import Settings
from tests.app.server import running
from tests.app.server.raw import CLOSE, answers, connection, exchange, get, rest
from tests.app.server.small import small_app


def test_readiness_fails_first_while_connections_are_still_taken() -> None:
    with running(small_app(), settings=Settings(pause_seconds=5)) as server:
        address = "http://{}:{}".format(*server.acceptor.address)
        assert exchange(address, get("/readyz", CLOSE))[0].status == 200
        server.should_exit = True
        while not server.door.stopping:
            time.sleep(0.01)
        (ready,) = exchange(address, get("/readyz"))
        assert ready.problem == (503, "stopping")
        (alive,) = exchange(address, get("/livez"))
        assert (alive.status, alive.headers["connection"]) == (200, "close")


def test_requests_that_were_sent_before_the_signal_are_all_answered() -> None:
    with running(small_app()) as server, ExitStack() as stack:
        address = "http://{}:{}".format(*server.acceptor.address)
        sent = [stack.enter_context(connection(address)) for _ in range(60)]
        for index, one in enumerate(sent):
            one.sendall(get(f"/wait?seconds={index % 3 / 10}"))
        server.should_exit = True
        assert [answers(rest(one))[0].status for one in sent] == [200] * 60


def test_connections_in_the_backlog_are_served_and_later_ones_are_refused() -> None:
    with running(small_app()) as server, ExitStack() as stack:
        address = "http://{}:{}".format(*server.acceptor.address)
        blocked = threading.Event()
        server.acceptor._loop.call_soon_threadsafe(blocked.wait)  # the event loop takes nothing meanwhile
        sent = [stack.enter_context(connection(address)) for _ in range(200)]
        for one in sent:
            one.sendall(get())
        server.should_exit = True
        blocked.set()
        assert [answers(rest(one))[0].status for one in sent] == [200] * 200
        with pytest.raises(ConnectionRefusedError), connection(address):
            pass


def test_what_cannot_be_finished_gets_a_problem() -> None:
    with running(small_app(), settings=Settings(pause_seconds=0, drain_seconds=0.3)) as server, ExitStack() as stack:
        address = "http://{}:{}".format(*server.acceptor.address)
        sent = [stack.enter_context(connection(address)) for _ in range(20)]
        for index, one in enumerate(sent):
            one.sendall(get("/wait?seconds=1000", f"X-Request-ID: id-{index}"))
        while sum(item.is_busy for item in server._connections()) < 20:
            time.sleep(0.01)
        server.should_exit = True
        for index, one in enumerate(sent):
            (answer,) = answers(rest(one))
            assert answer.problem == (503, "stopping")
            assert answer.headers["x-request-id"] == f"id-{index}"
    assert server.status == 0


PROGRAM = """
import sys
from pathprint.app.server.listening import listen
from pathprint.app.server.process import run
from tests.app.server.small import small_app
listener = listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
run(listener, small_app)
"""


def started(**environment: str) -> tuple[subprocess.Popen[str], str]:
    import os

    known = {name: value for name, value in os.environ.items() if not name.startswith("PATHPRINT_")}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=pipe, stderr=pipe, text=True, env={**known, **environment}
    )
    assert process.stdout is not None
    address = f"http://127.0.0.1:{int(process.stdout.readline())}"
    for _ in range(600):
        if exchange(address, get("/readyz", CLOSE))[0].status == 200:
            return process, address
        time.sleep(0.1)
    pytest.fail("the service did not get ready")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_process_finish_and_end_with_status_0(number: signal.Signals) -> None:
    process, address = started(PATHPRINT_PAUSE_SECONDS="0")
    with connection(address) as connected:
        connected.sendall(get("/wait?seconds=1"))
        process.send_signal(number)
        assert answers(rest(connected))[0].status == 200
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_a_second_signal_ends_the_process_at_once() -> None:
    process, address = started(PATHPRINT_PAUSE_SECONDS="100")
    process.send_signal(signal.SIGTERM)
    while exchange(address, get("/readyz", CLOSE))[0].status != 503:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
