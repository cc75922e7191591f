"""Abuse a running service as docs/service-server.md lists it, and print what happened.

    python benchmarks/service/abuse.py BUNDLE [--only NAME ...]

Each measurement starts a service of its own (a process on a free port) and ends it. Needs Linux.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 180
BODY = 9_900_000


class Service:
    """A service in a process of its own."""

    def __init__(self, bundle: str, descriptors: int | None = None, **settings: str) -> None:
        self.port = _free_port()
        self.output, self._writing = os.pipe()
        self.errors = Path(f"/tmp/abuse-{os.getpid()}-{self.port}.err")  # noqa: S108
        command = [sys.executable, "-P", "-m", "pathprint.app", bundle, "--port", str(self.port)]
        limit = (
            (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
        )
        environment = {**os.environ, **{f"PATHPRINT_{name}": value for name, value in settings.items()}}
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                command, stdout=self._writing, stderr=errors, env=environment, preexec_fn=limit
            )
        os.close(self._writing)
        self.log: list[bytes] = []
        self._reading = True
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while self._reading and (data := os.read(self.output, 65536)):
            self.log.append(data)

    def stop_reading(self) -> None:
        """Let the log fill its pipe, as a reader does that stalls."""
        self._reading = False

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def get(self, path: str) -> tuple[int, float]:
        """Return status (0 for none) and milliseconds of a GET request on a new connection."""
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        return status, (time.perf_counter() - started) * 1000

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.get("/readyz")[0] != 200:
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"the service did not start: {self.errors.read_text()}")
            time.sleep(0.2)

    @property
    def megabytes(self) -> int:
        """Resident memory of the process."""
        (line,) = [
            line for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if "VmRSS" in line
        ]
        return int(line.split()[1]) // 1024

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.errors.unlink()


@contextmanager
def serving(bundle: str, descriptors: int | None = None, **settings: str) -> Iterator[Service]:
    """Start a service, and yield it once it is ready."""
    service = Service(bundle, descriptors, **settings)
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _head(length: int) -> bytes:
    return (
        f"POST /v1/detect HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def half_sent_bodies(bundle: str) -> None:
    """100 bodies of 9.9 MB of which half is sent."""
    with serving(bundle) as service:
        before = service.megabytes
        connections = [service.connect() for _ in range(100)]
        for connection in connections:
            connection.settimeout(5)
            try:
                connection.sendall(_head(BODY) + bytes(BODY // 2))
            except OSError:  # refused while it sends
                continue
        time.sleep(1)
        status, milliseconds = service.get("/livez")
        print(f"  memory {before} -> {service.megabytes} MB; /livez {status} in {milliseconds:.0f} ms")
        print(f"  answers: {dict(Counter(_status(connection) for connection in connections))}")


def _status(connection: socket.socket, seconds: float = 20) -> str:
    """Return the status of the answer on a connection, or what happened instead."""
    connection.settimeout(seconds)
    try:
        received = connection.recv(4096)
    except TimeoutError:
        return "open"
    except OSError:
        return "reset"
    return received.split(b" ", 2)[1].decode() if received else "closed"


def unfinished_heads(bundle: str) -> None:
    """A silent connection, half a request line, half a header: when are they closed?"""
    with serving(bundle) as service:
        for name, sent in {"silent": b"", "request line": b"GET /liv", "header": b"GET / HTTP/1.1\r\nHo"}.items():
            started = time.perf_counter()
            with service.connect() as connection:
                connection.sendall(sent)
                print(f"  {name}: {_status(connection, 60)} after {time.perf_counter() - started:.1f} s")


def descriptors(bundle: str) -> None:
    """At most 64 descriptors, and 100 silent connections."""
    with serving(bundle, 64) as service:
        lines = len(b"".join(service.log).splitlines())
        silent = [service.connect() for _ in range(100)]
        answers = [service.get("/livez") for _ in range(20)]
        time.sleep(2)
        written = len(b"".join(service.log).splitlines()) - lines
        print(
            f"  /livez {dict(Counter(status for status, _ in answers))}, slowest {max(ms for _, ms in answers):.0f} ms"
        )
        print(f"  {written} lines of log for {len(silent)} connections and 20 requests; standard error:", end=" ")
        print(f"{service.errors.stat().st_size} bytes")


def stalled_log(bundle: str) -> None:
    """Nobody reads the log: 3,000 requests, then the reader is gone and 100 more."""
    with serving(bundle) as service:
        service.stop_reading()
        answers = Counter(service.get("/nowhere")[0] for _ in range(3000))
        status, milliseconds = service.get("/livez")
        print(f"  stalled: {dict(answers)}; /livez {status} in {milliseconds:.0f} ms")
        os.close(service.output)
        answers = Counter(service.get("/nowhere")[0] for _ in range(100))
        print(f"  broken: {dict(answers)}; standard error: {service.errors.read_text().splitlines()}")


def stopping(bundle: str) -> None:
    """SIGTERM 50 ms after 60 requests were sent, with time to finish them and without."""
    image = _image()
    for drain in ("20", "0"):
        with serving(bundle, PAUSE_SECONDS="1", DRAIN_SECONDS=drain) as service:
            connections = [service.connect() for _ in range(60)]
            for connection in connections:
                connection.sendall(_head(len(image)) + image)
            time.sleep(0.05)
            service.process.send_signal(signal.SIGTERM)
            ready, _ = service.get("/readyz")
            found = Counter(_status(connection, 60) for connection in connections)
            status = service.process.wait(60)
            print(f"  drain {drain} s: {dict(found)}; /readyz {ready}; exit status {status}")


def _image() -> bytes:
    """Return a PNG that takes a while to decode."""
    import io

    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def protocol(bundle: str) -> None:
    """Requests that are malformed, ambiguous or oversized."""
    requests = {
        "no request": b"hello\r\n\r\n",
        "length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "two Content-Types": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
        "70 kB header": b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        "100 kB request line": b"GET /livez?" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        "2,000 headers": b"GET /livez HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 2000 + b"\r\n",
        "HTTP/3.7": b"GET /livez HTTP/3.7\r\nHost: a\r\n\r\n",
        "HEAD": b"HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n",
    }
    with serving(bundle) as service:
        for name, request in requests.items():
            with service.connect() as connection:
                connection.sendall(request)
                time.sleep(0.5)  # head and body may come apart
                received = connection.recv(65536).decode("latin-1")
                body = received.partition("\r\n\r\n")[2]
                code = json.loads(body)["code"] if body.startswith("{") and "code" in body else "-"
                print(
                    f"  {name}: {received.split(' ', 2)[1]} {code}, closed: {'connection: close' in received.lower()}"
                )


MEASUREMENTS: Sequence[Callable[[str], None]] = (
    half_sent_bodies,
    unfinished_heads,
    descriptors,
    stalled_log,
    stopping,
    protocol,
)


def main() -> None:
    """Do all measurements, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("bundle", metavar="BUNDLE")
    names = [measurement.__name__ for measurement in MEASUREMENTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    given = parser.parse_args()
    for measurement in MEASUREMENTS:
        if measurement.__name__ in given.only:
            print(measurement.__doc__)
            measurement(given.bundle)


if __name__ == "__main__":
    main()
