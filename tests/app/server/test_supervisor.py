"""Workers that are killed lose what they had in hand, and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from pathprint.app.__main__ import main
from pathprint.app.server.supervisor import Supervisor, refusal_to_share
from pathprint.app.settings import Settings
from tests.app.images import digit, encoded
from tests.app.server.raw import CLOSE, answers, connection, exchange, get, post, rest
from tests.app.test_startup import PROGRAM as PROGRAM_OF_THE_SERVICE
from tests.app.test_startup import SECONDS, free_port, start, wait_until_ready

PROGRAM = """
import os, socket, sys
from pathprint.app.server.listening import listen
from pathprint.app.server.process import run
from pathprint.app.server.server import Supervised
from pathprint.app.server.supervisor import Supervisor
from tests.app.server.small import small_app
if "--fd" in sys.argv:
    number, by = int(sys.argv[sys.argv.index("--fd") + 1]), int(sys.argv[sys.argv.index("--supervisor") + 1])
    run(socket.socket(fileno=number), small_app, Supervised(by, "--wait" in sys.argv))
listener = listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
sys.exit(Supervisor(listener, [sys.executable, sys.argv[0]], 1).run())
"""


def children(process: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def lost(connected: socket.socket) -> bool:
    """Return whether a connection ends without an answer."""
    try:
        return rest(connected) == b""
    except ConnectionError:
        return True


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_waiting_connections_are_answered(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {
        **os.environ,
        "PATHPRINT_PAUSE_SECONDS": "0",
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path]),
    }
    pipe = subprocess.PIPE
    command = [sys.executable, str(program)]
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
    assert process.stdout is not None
    address = f"http://127.0.0.1:{int(process.stdout.readline())}"
    try:
        while exchange(address, get("/readyz", CLOSE))[0].status != 200:
            time.sleep(0.1)
        (worker,) = children(process.pid)
        with connection(address) as in_flight:
            in_flight.sendall(get("/wait?seconds=1000"))
            # Connections are taken in order: when a later one is answered, this one is in the worker's hands.
            assert exchange(address, get("/livez", CLOSE))[0].status == 200
            os.kill(worker, signal.SIGKILL)
            assert [exchange(address, get("/readyz", CLOSE))[0].status for _ in range(5)] == [200] * 5
            assert lost(in_flight)
        assert children(process.pid) != [worker]
        with connection(address) as last:
            last.sendall(get("/wait?seconds=0.5"))
            process.terminate()
            assert answers(rest(last))[0].status == 200
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert errors == "pathprint: a worker ended with status -9; another takes its place.\n"
    finally:
        process.kill()


def served(address: str, image: bytes, until: threading.Event) -> Counter[int]:
    """Ask one request after the other, each over its own connection; return how many got which status, 0 for none."""
    found: Counter[int] = Counter()
    request = post(len(image), "/v1/detect").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + image
    while not until.is_set():
        try:
            found[exchange(address, request)[0].status] += 1
        except (OSError, IndexError):  # a reset, or an end without an answer
            found[0] += 1
    return found


@pytest.mark.slow
def test_a_worker_with_a_bundle_that_is_killed_under_load_loses_what_it_had_in_hand(bundle_folder: Path) -> None:
    clients, port, image = 4, free_port(), encoded(digit(), "PNG")
    process = start(bundle_folder, port, [*PROGRAM_OF_THE_SERVICE, "--workers", "2"])
    address, over = f"http://127.0.0.1:{port}", threading.Event()
    try:
        with httpx.Client(base_url=address, timeout=30) as client:
            wait_until_ready(client, process)
        while len(children(process.pid)) < 2:
            time.sleep(0.1)
        with ThreadPoolExecutor(clients) as pool:
            asked = [pool.submit(served, address, image, over) for _ in range(clients)]
            try:
                for _ in range(2):
                    time.sleep(2)
                    killed = children(process.pid)[0]
                    os.kill(killed, signal.SIGKILL)
                    end = time.monotonic() + SECONDS
                    while killed in children(process.pid) or len(children(process.pid)) < 2:
                        assert time.monotonic() < end
                        time.sleep(0.1)
            finally:
                over.set()
            found = sum((done.result() for done in asked), Counter[int]())
        process.terminate()
        process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0
    assert set(found) <= {0, 200}
    assert found[0] <= 2 * clients  # each client has one request in hand
    assert found[200] > found[0]


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put the handlers of signals back that a supervisor in this process sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_a_worker_is_being_started_stops_all(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    class Interrupted(subprocess.Popen[bytes]):
        def poll(self) -> int | None:
            if self not in started:  # a handler that asks a worker runs inside of Popen, which holds a lock
                raise AssertionError("asked before it was made")
            return super().poll()

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(["sleep", "60"], process_group=0)
            if not started:  # a second signal would end this process
                signal.raise_signal(number)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with socket.socket() as listener:
        assert Supervisor(listener, [], 2).run() == 0
        assert listener.fileno() == -1
    assert [getattr(worker, "returncode", None) for worker in started] == [-number, -number]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"metrics_port": 9464}, "PATHPRINT_METRICS_PORT"),
        ({"audit": Path("audit.jsonl")}, "PATHPRINT_AUDIT"),
        ({"metrics_port": 0}, None),
        ({}, None),
    ],
)
def test_what_workers_cannot_share_is_refused(settings: dict[str, Any], named: str | None) -> None:
    refusal = refusal_to_share(Settings(**settings))
    assert (named in refusal) if named and refusal else refusal is named


@pytest.mark.usefixtures("handlers")
def test_a_hangup_before_the_service_is_there_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pathprint", "--no-such-option"])
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with pytest.raises(SystemExit):
        main()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
