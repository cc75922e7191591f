"""Refuse requests whose head another program on the way could understand differently, or that is too large."""

from __future__ import annotations

from collections import Counter
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.server.protocol import too_large_head, too_long_request_line
from pathprint.app.settings import Settings

_CLOSE = {"Connection": "close"}
_VERSIONS = ("1.0", "1.1", "2")
_ONCE = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"inference-header-content-length",
        b"x-api-key",
    }
)
"""Headers that mean one thing. Of several, one program would take the first and another the last."""
_MOST_HEADERS = 100


class StrictRequests:
    """Middleware that refuses ambiguous and oversized heads, and answers ``HEAD`` wherever there is ``GET``."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an unambiguous request on.

        Raises:
            ProblemError: the request has to be refused.
        """
        if scope["type"] == "http":
            _check_version(scope)
            _check_sizes(scope, self._settings)
            _check_headers(scope["headers"])
            scope = _in_usual_form(scope)
        await self.app(scope, receive, send)


def _check_version(scope: Scope) -> None:
    if scope["http_version"] not in _VERSIONS:
        raise ProblemError("unsupported_http_version", "Send the request as HTTP/1.1.", _CLOSE)


def _check_sizes(scope: Scope, settings: Settings) -> None:
    """Measure heads that arrived at once; h11 only measures those that it has to wait for."""
    target = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    line = len(scope["method"]) + target + len(" ? HTTP/1.1")
    if line > settings.max_request_line_bytes:
        raise _closing(too_long_request_line(settings.max_request_line_bytes))
    head = line + sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])
    if head > settings.max_head_bytes:
        raise _closing(too_large_head(settings.max_head_bytes))
    if len(scope["headers"]) > _MOST_HEADERS:
        raise ProblemError("head_too_large", f"A request may have at most {_MOST_HEADERS} headers.", _CLOSE)


def _closing(found: ProblemError) -> ProblemError:
    return ProblemError(found.code, found.detail, _CLOSE)


def _check_headers(headers: list[tuple[bytes, bytes]]) -> None:
    counts = Counter(name for name, _ in headers)
    if b"transfer-encoding" in counts and b"content-length" in counts:
        detail = "A request with Transfer-Encoding must not have a Content-Length: its end would be ambiguous."
        raise ProblemError("bad_request", detail, _CLOSE)
    for name in sorted(_ONCE & set(counts)):
        if counts[name] > 1:
            detail = f"The header {name.decode().title()} occurs {counts[name]} times; send it once."
            raise ProblemError("duplicate_header", detail, _CLOSE)


def _in_usual_form(scope: Scope) -> Scope:
    """Return the request as the routes know it: ``GET`` for ``HEAD``, a path for a whole URL.

    The server leaves out the body of the answer to ``HEAD`` by the method of the original scope.
    """
    changes: dict[str, object] = {}
    if scope["method"] == "HEAD":
        changes["method"] = "GET"
    if scope["path"].lower().startswith(("http://", "https://")):
        raw = _path_of((scope.get("raw_path") or b"").decode("latin-1"))
        changes |= {"path": unquote(raw), "raw_path": raw.encode("latin-1")}
    return {**scope, **changes} if changes else scope


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path or "/"
    except ValueError:  # of a host like [::1 without its bracket
        raise ProblemError("bad_request", "The request's target is not a well-formed URL.", _CLOSE) from None
