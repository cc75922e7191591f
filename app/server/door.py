"""The outermost application: it stands before the service, which may still be loading or may be stopping."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.server.answering import ALIVE, send_problem
from pathprint.app.server.at_once import Ready
from pathprint.app.server.standing import STARTING, STOPPING

_LIVENESS = ("/livez", "/v2/health/live")
_CLOSE = (b"connection", b"close")


class Door:
    """Answers in the service's place until it is ``open``, and fails the probes of readiness once it is ``stopping``.

    Attributes:
        app: the service, as soon as it is loaded.
    """

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.open = self.stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer that the service is starting or stopping."""
        if scope["type"] != "http":
            await self._service(scope, receive, send)
        elif not self.open and scope["path"] in _LIVENESS:
            await _say_alive(send)
        elif not self.open:
            await send_problem(STARTING, scope, send)
        elif self.stopping and _asks_for_readiness(scope["path"]):
            await send_problem(STOPPING, scope, send)
        else:
            await self._service(scope, receive, self._closing(send) if self.stopping else send)

    def at_once(self, method: str, path: str) -> ProblemError | bool:
        """Say what to answer at once; the service, if there is one, says it by ``state.at_once``."""
        if not self.open or self.stopping:
            return False
        ready: Ready | None = getattr(getattr(self.app, "state", None), "at_once", None)
        return ready is not None and ready(method, path)

    async def is_ready(self) -> bool:
        """Ask the service itself whether it is ready, as a probe would."""
        statuses: list[int] = []

        async def receive() -> Message:
            if not statuses and not asked:
                asked.append(True)
                return {"type": "http.request", "body": b"", "more_body": False}
            await asyncio.Event().wait()  # whoever waits on waits for the client to go away
            raise AssertionError

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        asked: list[bool] = []
        await self._service(_probe(), receive, send)
        return statuses != [503]

    async def _service(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    def _closing(self, send: Send) -> Send:
        """Let every answer end its connection, so that the client looks for another instance."""

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and _CLOSE not in message["headers"]:
                message["headers"] = [*message["headers"], _CLOSE]
            await send(message)

        return closing


def _probe() -> Scope:
    path = "/readyz"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": {},
    }


def _asks_for_readiness(path: str) -> bool:
    return path == "/readyz" or (path.startswith("/v2/") and path.endswith("/ready"))


async def _say_alive(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ALIVE)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ALIVE})
