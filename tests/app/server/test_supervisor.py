"""Workers that are killed lose what they had in hand, and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.app.server.raw import CLOSE, answers, connection, exchange, get, rest

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
