"""Refusals and liveness are answered before a request is read, and nothing else is; what follows is read as usual."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pathprint.app.admission.at_once import AtOnce
from pathprint.app.admission.room import Room
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.server.at_once import answered_at_once
from tests.app.server import running, serving
from tests.app.server.raw import CLOSE, connection, exchange, get, post
from tests.app.server.small import small_app

FULL = ProblemError("overloaded", "Full.", {"Retry-After": "7"})
POST = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"


def full(method: str, path: str) -> ProblemError | bool:
    return FULL if method == "POST" else path == "/livez"


@contextmanager
def full_service() -> Iterator[str]:
    app = small_app()
    app.state.at_once = full
    with serving(app) as address:
        yield address


def test_what_is_refused_at_once_is_a_problem_and_the_connection_goes_on() -> None:
    with capture_logs() as logs:
        with full_service() as address:
            found = exchange(address, POST + POST, post(5) + b"ab", b"cde", get(), get("/wait?seconds=0", CLOSE))
        lines = [entry for entry in logs if entry.get("code") == "overloaded"]
    assert [answer.status for answer in found] == [503, 503, 503, 200, 200]
    for answer in found[:3]:
        assert answer.problem == (503, "overloaded")
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "connection" not in answer.headers
    assert [line["request_id"] for line in lines] == [answer.headers["x-request-id"] for answer in found[:3]]
    assert found[3].body == b'{"status":"alive"}'


def test_many_requests_that_come_together_are_answered_in_order() -> None:
    with full_service() as address:
        ids = [f"id-{number}" for number in range(100)]
        requests = b"".join(request(number, one) for number, one in enumerate(ids))
        found = exchange(address, requests + get("/livez", CLOSE))
    assert [answer.headers["x-request-id"] for answer in found[:-1]] == ids


def post_of(header: str) -> bytes:
    return POST.replace(b"\r\n\r\n", f"\r\n{header}\r\n\r\n".encode())


def request(number: int, identity: str) -> bytes:
    header = f"X-Request-ID: {identity}"
    return post_of(header) if number % 2 else get("/livez", header)


USUAL = {
    "in chunks": b"POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "with two lengths": POST.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"),
    "with a length in words": POST.replace(b": 3", b": three"),
    "with a sign": POST.replace(b": 3", b": +3"),
    "large": POST.replace(b": 3", b": 65537"),
    "that wants to be told to go on": POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
    "that ends its connection": POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
    "of HTTP/1.0": POST.replace(b"/1.1", b"/1.0"),
    "without a host": POST.replace(b"Host: a\r\n", b""),
    "with two hosts": POST.replace(b"Host: a\r\n", b"Host: a\r\nHost: b\r\n"),
    "with a folded header": POST.replace(b"Host: a\r\n", b"Host: a\r\n b\r\n"),
    "with bare line feeds": POST.replace(b"Host: a\r\n", b"Host: a\nX: b\r\n"),
    "with a NUL": POST.replace(b"Host: a", b"Host: a\0"),
    "with a space before a colon": POST.replace(b"Content-Length:", b"Content-Length :"),
    "of another method": POST.replace(b"POST", b"PUT"),
    "of a whole URL": POST.replace(b"/read", b"http://a/read"),
    "whose head is not whole": POST[:40],
    "with a body where there is none": POST.replace(b"POST /read", b"GET /livez"),
    "that is something else": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n",
    "for something else": get("/readyz"),
}


@pytest.mark.parametrize("case", USUAL)
def test_a_request_that_is_not_plain_goes_the_usual_way(case: str) -> None:
    assert answered_at_once(POST, full) is not None
    assert answered_at_once(USUAL[case], full) is None


@given(
    st.lists(st.sampled_from([b"X: y", b"content-LENGTH:3", b"Host:b", b"Content-Length: 2", b" x", b"\tx", b"A:\nb"])),
    st.integers(0, 40),
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_answered_at_once_has_one_end(headers: list[bytes], cut: int) -> None:
    data = b"\r\n".join([b"POST /v1/detect HTTP/1.1", b"Host: a", *headers, b"", b"abc"])
    data = data[: len(data) - cut]
    found = answered_at_once(data, full)
    if found is None:
        return
    lengths = [int(line.partition(b":")[2]) for line in headers if line.lower().startswith(b"content-length")]
    assert len(lengths) <= 1 and headers.count(b"Host:b") == 0
    assert not any(odd in headers for odd in (b" x", b"\tx", b"A:\nb"))
    end = data.index(b"\r\n\r\n") + 4 + sum(lengths)
    assert found.size + found.missing == end


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("POST", "/v1/detect", True),
        ("POST", "/v2/models/digits/infer", True),
        ("POST", "/v1/%61dmin/reload", False),
        ("POST", "/v1/admin/reload", False),
        ("GET", "/v1/models", False),
    ],
)
def test_work_is_refused_at_once_while_the_room_is_full(method: str, path: str, refused: bool) -> None:
    counted: list[tuple[str, str]] = []
    room = Room(10, 2, inside=2, working=2)
    at_once = AtOnce(room, lambda: True, lambda path, code: counted.append((path, code)))
    assert isinstance(at_once(method, path), ProblemError) is refused
    assert counted == ([("", "overloaded")] if refused else [])
    assert room.refused == int(refused)


def test_of_many_requests_in_one_turn_no_more_are_let_through_than_there_is_room_for() -> None:
    room = Room(100, 4, working=1)
    at_once = AtOnce(room, lambda: True, lambda path, code: None)

    async def scenario() -> None:
        found = [at_once("POST", "/v1/detect") for _ in range(10)]
        assert found[:3] == [False] * 3
        assert all(isinstance(one, ProblemError) for one in found[3:])
        await asyncio.sleep(0)
        assert isinstance(at_once("POST", "/v1/detect"), ProblemError)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert at_once("POST", "/v1/detect") is False  # none of them came to the room

    asyncio.run(scenario())


@pytest.mark.parametrize("asked", [get(), POST], ids=["liveness", "work"])
def test_what_comes_with_the_connection_is_answered_while_the_event_loop_is_busy(asked: bytes) -> None:
    app, sent, turns = small_app(), threading.Event(), list[int]()
    app.state.at_once = full

    async def busy() -> None:
        sent.wait(60)  # the event loop does nothing else meanwhile
        while True:
            time.sleep(0.2)
            turns.append(len(turns))
            await asyncio.sleep(0)

    with running(app) as server:
        task = asyncio.run_coroutine_threadsafe(busy(), server.acceptor._loop)
        with connection("http://{}:{}".format(*server.acceptor.address)) as connected:
            connected.sendall(asked)
            sent.set()
            assert connected.recv(12).startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
            assert len(turns) <= 2  # setting up the connection takes four
        task.cancel()


def test_a_client_that_sends_much_and_reads_nothing_is_not_answered_at_once_for_ever() -> None:
    with full_service() as address, connection(address) as connected:
        connected.settimeout(1)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += connected.send(get() * 100)
        except TimeoutError:
            pass
        assert sent < 50_000_000
