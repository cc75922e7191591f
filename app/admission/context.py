"""The outermost layer around every request: its id, its log line, and the errors that nothing else caught."""

from __future__ import annotations

import asyncio
import traceback
from time import perf_counter

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathprint.app.problems.reporting import problem_response
from pathprint.app.server.request_ids import request_id_of
from pathprint.app.server.standing import STOPPING

_LONGEST_PATH = 256
log = structlog.get_logger("app")


class RequestContext:
    """Middleware that gives every request its id, its log line and, whatever goes wrong, an answer.

    Pure ASGI: Starlette's ``BaseHTTPMiddleware`` would copy every body through a queue.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
            try:
                await self.app(scope, exchange.receive, exchange.send)
            except asyncio.CancelledError:
                # Only the server cancels a request, when it has to end before the request is done.
                await exchange.apologise(STOPPING)
            except Exception as error:
                # Formatted here: other renderers log local variables, the image among them, or take seconds.
                log.error("unexpected error", traceback="".join(traceback.format_exception(error)))
                await exchange.apologise(error)
            finally:
                exchange.log()


class Exchange:
    """One request and its response; follows their messages as they pass, and adds headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._started = perf_counter()
        self._status = 0
        headers = Headers(scope=scope)
        self.request_id: str = scope.setdefault("state", {}).setdefault("request_id", request_id_of(scope["headers"]))
        self._unread = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

    async def receive(self) -> Message:
        """Pass on a part of the request, and note whether it was the last one."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the response, with the headers that every response has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            if self._unread:
                # Otherwise the server would go on receiving a refused body for as long as it is sent.
                headers["Connection"] = "close"
        await self._send(message)

    async def apologise(self, error: Exception) -> None:
        """Answer with a problem document; if an answer has begun, leave it to the server, which cuts the connection."""
        if not self._status:
            response = problem_response(Request(self._scope), error)
            await response(self._scope, self.receive, self.send)

    def log(self) -> None:
        """Write the log line of the request. The client chooses the path, so a long one is cut."""
        state = self._scope["state"]
        facts = {name: state[name] for name in ("verdict", "code") if name in state}
        if "key" in state:
            facts["key"] = state["key"].id
        log.info(
            "request",
            method=self._scope["method"],
            path=self._scope["path"][:_LONGEST_PATH],
            status=self._status,
            ms=round((perf_counter() - self._started) * 1000, 3),
            **facts,
        )
