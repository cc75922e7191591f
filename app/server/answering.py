"""Answers that the server gives by itself, without the application: each with an id and a line in the log."""

from __future__ import annotations

import http
from collections.abc import Mapping
from email.utils import formatdate

import structlog
from starlette.types import Scope, Send

from pathprint.app.problems.describing import describe
from pathprint.app.problems.document import MEDIA_TYPE
from pathprint.app.problems.kinds import KINDS, ProblemError
from pathprint.app.server.request_ids import new_request_id, request_id_of
from pathprint.app.server.security_headers import HEADERS

log = structlog.get_logger("app")
ALIVE = b'{"status":"alive"}'
_LONGEST_PATH = 256


def problem_bytes(found: ProblemError, request_id: str, close: bool = True) -> bytes:
    """Return a whole HTTP response that reports ``found`` and, unless told not to, ends the connection."""
    body = _body(found, request_id)
    fields = {**_fields(found, request_id, body), **({"Connection": "close"} if close else {})}
    return _response(KINDS[found.code].status, fields, body)


def alive_bytes(request_id: str) -> bytes:
    """Return a whole HTTP response that says that the process is alive."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(ALIVE)), "X-Request-ID": request_id}
    return _response(200, {**fields, **HEADERS}, ALIVE)


def _response(status: int, fields: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}", f"Date: {formatdate(usegmt=True)}"]
    return "\r\n".join([*lines, *map(": ".join, fields.items()), "", ""]).encode("latin-1") + body


async def send_problem(found: ProblemError, scope: Scope, send: Send) -> None:
    """Answer an ASGI request with a problem, and log it."""
    request_id = request_id_of(scope["headers"])
    body = _body(found, request_id)
    fields = {**_fields(found, request_id, body), "Connection": "close"}
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": KINDS[found.code].status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    log_problem(found, request_id, method=scope["method"], path=scope["path"][:_LONGEST_PATH])


def refusal(found: ProblemError) -> bytes:
    """Return the response to what is no request that the application could see, after logging it."""
    request_id = new_request_id()
    log_problem(found, request_id)
    return problem_bytes(found, request_id)


def log_problem(found: ProblemError, request_id: str, **facts: str) -> None:
    """Write the line of a request that the server answered by itself."""
    log_request(request_id, KINDS[found.code].status, code=found.code, **facts)


def log_request(request_id: str, status: int, **facts: str) -> None:
    """Write the line of a request that the server answered by itself."""
    log.info("request", request_id=request_id, status=status, **facts)


def _body(found: ProblemError, request_id: str) -> bytes:
    return describe(found, request_id).model_dump_json(exclude_none=True).encode()


def _fields(found: ProblemError, request_id: str, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "X-Request-ID": request_id,
        **HEADERS,
        **(found.headers or {}),
    }
