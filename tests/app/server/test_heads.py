"""Heads of requests: malformed, ambiguous, oversized and slow ones get a problem, and the connection is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from pathprint.app.settings import Settings
from tests.app.server import serving
from tests.app.server.raw import CLOSE, answers, connection, exchange, get, post, rest
from tests.app.server.small import small_app

SETTINGS = Settings(
    pause_seconds=0, head_seconds=0.5, idle_seconds=0.5, max_head_bytes=4096, max_request_line_bytes=1024
)
CHUNK = b"3\r\nabc\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(small_app(SETTINGS), settings=SETTINGS) as found:
        yield found


def lines(*headers: str, first: str = "POST /read HTTP/1.1") -> bytes:
    return "\r\n".join([first, *headers, "", ""]).encode("latin-1")


MALFORMED = {
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n",
    "a line of text": b"hello\r\n\r\n",
    "a header without colon": b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "a length in words": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: one\r\n\r\na",
    "a URL with half an IPv6 address": b"GET http://[/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "a URL with no address in brackets": b"GET http://[a]/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2 in clear": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_request_gets_a_problem_with_an_id(address: str, case: str) -> None:
    (answer,) = exchange(address, MALFORMED[case])
    assert answer.problem[0] in (400, 505)
    assert answer.headers["connection"] == "close"


def test_what_is_no_request_leaves_one_line_in_the_log() -> None:
    with capture_logs() as logs:
        with serving(small_app()) as address:
            (answer,) = exchange(address, b"hello\r\n\r\n")
        kept = [{name: entry.get(name) for name in ("event", "status", "code", "request_id")} for entry in logs]
    line = {"event": "request", "status": 400, "code": "bad_request", "request_id": answer.headers["x-request-id"]}
    assert line in kept


AMBIGUOUS = {
    "length and chunks": (lines("Host: a", "Content-Length: 3", "Transfer-Encoding: chunked"), 400, "bad_request"),
    "chunks and length": (lines("Host: a", "Transfer-Encoding: chunked", "Content-Length: 3"), 400, "bad_request"),
    "another coding": (lines("Host: a", "Transfer-Encoding: gzip"), 501, "unsupported_transfer_encoding"),
    "two codings": (
        lines("Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        501,
        "unsupported_transfer_encoding",
    ),
    "HTTP/3.7": (lines("Host: a", first="GET /livez HTTP/3.7"), 505, "unsupported_http_version"),
    "HTTP/0.9": (lines("Host: a", first="GET /livez HTTP/0.9"), 505, "unsupported_http_version"),
    **{
        f"two of {name}": (lines("Host: a", f"{name}: x", f"{name.lower()}: {other}"), 400, "duplicate_header")
        for name in ("Content-Type", "Content-Encoding", "Authorization", "X-API-Key")
        for other in ("x", "y")
    },
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused_and_nothing_after_it_is_read(address: str, case: str) -> None:
    request, *expected = AMBIGUOUS[case]
    (answer,) = exchange(address, request + CHUNK + get())
    assert answer.problem == tuple(expected)
    assert answer.headers["connection"] == "close"


LONG = "a" * 2000
OVERSIZED = {
    "a long path": (get("/" + LONG), 414, "request_line_too_long"),
    "a long query": (get("/livez?" + LONG), 414, "request_line_too_long"),
    "a line without end": (b"GET /" + b"a" * 8000, 414, "request_line_too_long"),
    "one large header": (get("/livez", "X: " + "a" * 5000), 431, "head_too_large"),
    "large headers": (get("/livez", *(f"X-{i}: {LONG}" for i in range(3))), 431, "head_too_large"),
    "a header without end": (get("/livez")[:-2] + b"X: " + b"a" * 8000, 431, "head_too_large"),
    "many headers": (get("/livez", *(f"X-{i}: a" for i in range(200))), 431, "head_too_large"),
}


@pytest.mark.parametrize("pieces", [1, 7], ids=["at once", "in pieces"])
@pytest.mark.parametrize("case", OVERSIZED)
def test_an_oversized_head_is_refused(address: str, case: str, pieces: int) -> None:
    request, *expected = OVERSIZED[case]
    step = len(request) // pieces + 1
    parts = [request[start : start + step] for start in range(0, len(request), step)]
    (answer,) = exchange(address, *parts)
    assert answer.problem == tuple(expected)


def test_a_head_of_the_permitted_size_is_answered(address: str) -> None:
    (answer,) = exchange(address, get("/livez?" + "a" * 900, "X: " + "a" * 2500, CLOSE))
    assert answer.status == 200


UNFINISHED = {
    "half a request line": b"GET /liv",
    "half a header": b"GET /livez HTTP/1.1\r\nHo",
    "no empty line": b"GET /livez HTTP/1.1\r\nHost: a\r\n",
}


@pytest.mark.parametrize("case", UNFINISHED)
@pytest.mark.parametrize("before", [b"", get()], ids=["the first request", "the second request"])
def test_a_head_that_does_not_end_is_given_up(address: str, case: str, before: bytes) -> None:
    *_, answer = exchange(address, before, UNFINISHED[case])
    assert answer.problem == (408, "head_timeout")


def test_a_byte_now_and_then_does_not_keep_a_head_alive(address: str) -> None:
    with connection(address) as connected:
        received = b""
        for byte in get("/livez" + "a" * 500):
            connected.sendall(bytes([byte]))
            connected.settimeout(0.05)
            try:
                received = connected.recv(65536)
                break
            except TimeoutError:
                pass
    assert received.startswith(b"HTTP/1.1 408 ")


def test_a_silent_connection_is_closed_without_a_word(address: str) -> None:
    assert exchange(address) == []


def test_an_idle_connection_is_closed_after_its_time(address: str) -> None:
    assert [answer.status for answer in exchange(address, get(), get())] == [200, 200]


def test_a_body_that_ends_too_early_is_said_to_be_incomplete(address: str) -> None:
    with connection(address) as connected:
        connected.sendall(post(10) + b"abc")
        connected.shutdown(1)
        (answer,) = answers(rest(connected))
    assert answer.problem == (400, "bad_request")


def test_a_broken_chunk_ends_the_request_with_a_problem(address: str) -> None:
    (answer,) = exchange(address, lines("Host: a", "Transfer-Encoding: chunked") + b"zz\r\nabc\r\n")
    assert answer.problem == (400, "bad_request")


@pytest.mark.parametrize("path", ["http://elsewhere/livez", "HTTP://test:80/livez?a=1"])
def test_a_whole_url_is_taken_as_its_path(address: str, path: str) -> None:
    (answer,) = exchange(address, get(path, CLOSE))
    assert answer.status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_head_is_answered_as_get_without_a_body(address: str, path: str) -> None:
    with connection(address) as connected:
        connected.sendall(get(path, CLOSE).replace(b"GET", b"HEAD"))
        received = rest(connected)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b"\r\n\r\n")
    (asked,) = exchange(address, get(path, CLOSE))
    assert f"content-length: {len(asked.body)}".encode() in received


def test_of_two_request_ids_neither_comes_back(address: str) -> None:
    (answer,) = exchange(address, get("/livez", "X-Request-ID: one", "X-Request-ID: two", CLOSE))
    assert answer.status == 200
    assert answer.headers["x-request-id"] not in ("one", "two")


def test_a_wish_for_another_protocol_is_ignored(address: str) -> None:
    wish = ("Connection: Upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA==")
    assert exchange(address, get("/livez", *wish))[0].status == 200


def test_every_answer_has_the_headers_that_keep_browsers_from_harm(address: str) -> None:
    for request in (get("/livez", CLOSE), get("/nowhere", CLOSE)):
        (answer,) = exchange(address, request)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
