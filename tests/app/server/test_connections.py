"""Many connections, and clients that do not read: the next client is served all the same."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from pathprint.app.server.crowd import client_key
from pathprint.app.settings import Settings
from tests.app.server import running, serving
from tests.app.server.raw import CLOSE, answers, connection, exchange, get, post, rest
from tests.app.server.small import small_app


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_client"])
def test_connections_without_a_request_make_room(limit: str) -> None:
    settings = Settings.model_validate({"pause_seconds": 0, limit: 10})
    with serving(small_app(), settings=settings) as address, ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(connection(address))
        assert exchange(address, get("/livez", CLOSE))[0].status == 200


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_client"])
def test_where_all_connections_are_busy_the_next_is_told_so(limit: str) -> None:
    settings = Settings.model_validate({"pause_seconds": 0, limit: 3})
    with running(small_app(), settings=settings) as server, ExitStack() as stack:
        address = "http://{}:{}".format(*server.acceptor.address)
        busy = [stack.enter_context(connection(address)) for _ in range(3)]
        for one in busy:
            one.sendall(get("/wait?seconds=2", CLOSE))
        while sum(item.is_busy for item in server._connections()) < 3:
            time.sleep(0.01)
        (refused,) = exchange(address, get())
        assert refused.problem == (503, "too_many_connections")
        assert refused.headers["retry-after"] == "1"
        assert [answers(rest(one))[0].status for one in busy] == [200] * 3
        assert exchange(address, get("/livez", CLOSE))[0].status == 200


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(one: str, other: str, same: bool) -> None:
    assert (client_key((one, 1)) == client_key((other, 2))) is same


def test_a_client_that_does_not_read_is_cut() -> None:
    settings = Settings(pause_seconds=0, write_seconds=0.3)
    with running(small_app(), settings=settings) as server, ExitStack() as stack:
        connected = stack.enter_context(connection("http://{}:{}".format(*server.acceptor.address)))
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connected.sendall(get("/large"))
        while not server._connections():
            time.sleep(0.01)
        while server._connections():
            time.sleep(0.01)
        with pytest.raises(ConnectionResetError):
            rest(connected)


def test_a_client_that_is_refused_while_it_sends_can_read_the_answer() -> None:
    with serving(small_app()) as address, connection(address) as connected:
        connected.sendall(post(30_000_000, "/ignore"))
        for _ in range(300):  # a reset would break the pipe
            connected.sendall(b"a" * 10_000)
        (answer,) = answers(rest(connected))
    assert (answer.status, answer.headers["connection"]) == (200, "close")


@pytest.mark.parametrize("ends", [False, True], ids=["whose side is open", "that has ended its side"])
def test_a_slow_reader_gets_its_whole_last_answer(ends: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pathprint.app.server.closing.LINGER_SECONDS", 0.1)
    with serving(small_app()) as address, connection(address) as connected:
        connected.sendall(get("/large", CLOSE))
        if ends:
            connected.shutdown(socket.SHUT_WR)
        assert connected.recv(1, socket.MSG_PEEK)
        time.sleep(0.5)  # most of the answer waits in the server meanwhile
        (answer,) = answers(rest(connected))
    assert (answer.status, len(answer.body)) == (200, 30_000_002)


def test_a_client_that_keeps_its_side_open_after_the_last_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pathprint.app.server.closing.LINGER_SECONDS", 0.1)
    with running(small_app()) as server, connection("http://{}:{}".format(*server.acceptor.address)) as connected:
        connected.sendall(get("/livez", CLOSE))
        assert answers(rest(connected))[0].status == 200
        while server._connections():
            time.sleep(0.01)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("requests", "statuses"),
    [
        ([get()], [200]),
        ([get("/wait?seconds=1")], [200]),
        ([post(3) + b"abc"], [200]),
        ([get("/wait?seconds=0.5"), get("/wait?seconds=0.5"), get()], [200, 200, 200]),
        ([get("/wait?seconds=0.1"), post(3) + b"a"], [200, 400]),
        ([get("/wait?seconds=0.1"), b"GET /li"], [200, 400]),
    ],
    ids=["at once", "after a while", "with a body", "several", "half a body at the end", "half a head at the end"],
)
def test_a_client_that_ends_its_side_gets_its_answers(requests: list[bytes], statuses: list[int], version: str) -> None:
    if version == "1.0":  # keeps no connection for a second request
        requests, statuses = requests[:1], statuses[:1]
    with serving(small_app()) as address, connection(address) as connected:
        connected.sendall(b"".join(requests).replace(b"HTTP/1.1", b"HTTP/" + version.encode()))
        connected.shutdown(socket.SHUT_WR)
        received = rest(connected).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    assert [answer.status for answer in answers(received)] == statuses


def test_a_client_that_leaves_is_noticed_before_it_is_answered() -> None:
    with running(small_app()) as server:
        address = "http://{}:{}".format(*server.acceptor.address)
        with connection(address) as connected:
            connected.sendall(get("/wait?seconds=3600"))
            while not any(item.is_busy for item in server._connections()):
                time.sleep(0.01)
        while server._connections():  # the pytest timeout ends it
            time.sleep(0.01)
        for task in list(server.server_state.tasks):
            task.get_loop().call_soon_threadsafe(task.cancel)


DESCRIPTORS = """
import os, resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from structlog.testing import capture_logs
from tests.app.server import running
from tests.app.server.raw import CLOSE, exchange, get
from tests.app.server.small import small_app
with capture_logs() as logs, running(small_app()) as server:
    host, port = server.acceptor.address
    def descriptors(way):
        taken = []
        try:
            while True:
                taken.append(way())
        except OSError:
            return taken
    silent = [socket.create_connection((host, port)) for _ in range(20)]
    while len(server._connections()) < 20:
        time.sleep(0.01)
    taken = descriptors(lambda: os.open(os.devnull, os.O_RDONLY))
    os.close(taken.pop())
    waiting = socket.create_connection((host, port))  # its server side finds no descriptor
    waiting.sendall(get("/livez", CLOSE))
    waiting.settimeout(30)
    assert waiting.recv(100).startswith(b"HTTP/1.1 200 ")
    for one in [*taken]:
        os.close(one)
    assert exchange(f"http://{host}:{port}", get("/livez", CLOSE))[0].status == 200
warnings = [entry for entry in logs if entry["log_level"] != "info"]
assert [entry["event"] for entry in warnings] == ["no descriptor left for new connections"], warnings
print("ok")
"""


@pytest.mark.slow
def test_without_descriptors_the_server_rests_says_so_once_and_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", DESCRIPTORS], capture_output=True, text=True, timeout=180)
    assert (done.stdout, done.stderr) == ("ok\n", "")
