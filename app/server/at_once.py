"""Answers that need neither the body of a request nor a turn of the event loop: refusals under load, and liveness.

Under three times the load that the service can do, two of three requests are refused. Each would cost the event loop
as much as half a verdict if it went the way of the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.server.answering import alive_bytes, log_problem, log_request, problem_bytes
from pathprint.app.server.request_ids import request_id_of

Ready: TypeAlias = Callable[[str, str], "ProblemError | bool"]
"""Says of a method and path what to answer at once: a problem, or, with True, that the process is alive."""
_LINE = re.compile(rb"(GET|POST) (/[!-~]*) HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n")
_ID = re.compile(rb"\r\nx-request-id:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"
_ONLY_ONCE = (b"\ncontent-length", b"\nx-request-id")
_NOT_HERE = (b"\ntransfer-encoding", b"\nexpect", b"\nconnection", b"\nupgrade", b"\n ", b"\n\t", b"\0")
"""What makes a head more than a plain one. Such a request goes the usual way."""
_MOST_BODY = 64 * 1024
"""A refused body up to this size is received all the same: that costs less than a new connection."""
_MOST_HEAD = 2048


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to the first request in some bytes, how many of these the request has, and how many are to come."""

    answer: bytes
    size: int
    missing: int


def answered_at_once(data: bytes, ready: Ready) -> Answered | None:
    """Return the answer to the request that ``data`` begin with, if it is plain and there is one at once."""
    line = _LINE.match(data)
    end = data.find(_END, 0, _MOST_HEAD)
    if line is None or end < 0:
        return None
    head = data[: end + 2].lower()
    length = _body_length(head)
    if length is None or (line[1] == b"GET" and length):
        return None
    method, path = line[1].decode(), line[2].decode().partition("?")[0]
    found = ready(method, path)
    if found is False:
        return None
    given = _ID.search(data, 0, end + 2)
    request_id = request_id_of([(b"x-request-id", given[1])] if given else [])
    if found is True:
        answer = alive_bytes(request_id)
        log_request(request_id, 200, method=method, path=path)
    else:
        answer = problem_bytes(found, request_id, close=False)
        log_problem(found, request_id, method=method, path=path[:256])
    size = end + len(_END) + length
    return Answered(answer, min(size, len(data)), max(0, size - len(data)))


def _body_length(head: bytes) -> int | None:
    """Return how long the body is behind a head in lower case; None if only the usual way may say it."""
    if head.count(b"\n") != head.count(b"\r\n") or any(odd in head for odd in _NOT_HERE):
        return None
    if head.count(b"\nhost:") != 1 or any(head.count(name) > 1 for name in _ONLY_ONCE):
        return None
    if b"content-length" not in head:
        return 0
    found = _LENGTH.search(head)
    length = int(found[1]) if found else _MOST_BODY + 1
    return length if length <= _MOST_BODY else None
