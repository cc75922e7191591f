"""Talk to a server in bytes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SECONDS = 60.0


class Answer(NamedTuple):
    """One response: its status, its headers with names in lower case, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> tuple[int, str]:
        """Status and code of a problem, after checking what every problem must have."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        assert found["request_id"] == self.headers["x-request-id"] != ""
        assert found["instance"] == f"urn:request:{found['request_id']}"
        assert found["status"] == self.status
        assert found["detail"].endswith(".")
        return self.status, found["code"]


@contextmanager
def connection(address: str) -> Iterator[socket.socket]:
    """Connect to ``http://HOST:PORT``."""
    split = urlsplit(address)
    with closing(socket.create_connection((split.hostname, split.port), timeout=SECONDS)) as made:
        yield made


def rest(connected: socket.socket) -> bytes:
    """Return all bytes that come until the server closes. A reset is an error."""
    return b"".join(iter(lambda: connected.recv(65536), b""))


def answers(received: bytes) -> list[Answer]:
    """Take the responses with a Content-Length apart."""
    found = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        size = int(headers["content-length"])
        found.append(Answer(int(first.split()[1]), headers, received[:size]))
        received = received[size:]
    return found


def exchange(address: str, *parts: bytes) -> list[Answer]:
    """Send bytes as they are; return the responses that come until the server closes."""
    with connection(address) as connected:
        for part in parts:
            connected.sendall(part)
        return answers(rest(connected))


def get(path: str = "/livez", *headers: str) -> bytes:
    """Return the bytes of a GET request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: test", *headers, "", ""]).encode()


def post(length: int, path: str = "/read") -> bytes:
    """Return the head of a POST request with a body of ``length`` bytes."""
    return f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n".encode()


CLOSE = "Connection: close"
