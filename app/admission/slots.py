"""The layer that lets requests in: a slot before the body is read, a deadline, and an eye on clients that leave."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from time import monotonic

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathprint.app.admission.deadline import Patience, patience
from pathprint.app.admission.room import Room
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.problems.reporting import problem_response
from pathprint.app.server.turns import Turns
from pathprint.app.settings import Settings

_ADMINISTRATION = re.compile(r"/v1/admin(/.*)?|.*/(load|unload|reload)")
"""Paths of requests that change what is served; an operator must get through when the service is overloaded."""
_SMALL = 64 * 1024
"""A refused body up to this size is received all the same: that costs less than a new connection."""
_RECEIVING_SECONDS = 0.02
_PIECE = 64 * 1024
"""A body has made progress when this many bytes have come: a byte now and then is none."""
_LATE = "The answer was not ready before the request's deadline."
_LEFT = ProblemError("client_disconnected", "The client left before it was answered.")
_STALLED = ProblemError(
    "overloaded",
    "The request's body did not get on while others waited for its place; send it again a little later.",
    {"Retry-After": "1", "Connection": "close"},
)


def is_work(method: str, path: str) -> bool:
    """Say whether a request needs a slot: probes, metrics, documents and administration never wait behind work."""
    return method == "POST" and not _ADMINISTRATION.fullmatch(path)


class Slots:
    """Middleware that bounds how many requests are inside. Whoever finds no room is refused before the body is read."""

    def __init__(self, app: ASGIApp, room: Room, settings: Settings) -> None:
        self.app, self._room, self._settings = app, room, settings
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_work(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            given = patience(headers, self._settings.request_seconds, self._settings.max_request_seconds)
            self._room.enter(given.deadline())
        except ProblemError as error:
            await _receive_small(headers, receive)
            await problem_response(Request(scope), error)(scope, receive, send)
            return
        await Visit(self.app, self._room, self._turns, given, scope, receive, send).make()


class Visit:
    """One request that was let in, until it is answered, its deadline passes, or its client leaves."""

    def __init__(
        self, app: ASGIApp, room: Room, turns: Turns, given: Patience, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._app, self._room, self._turns, self._given = app, room, turns, given
        self._scope, self._receive, self._send = scope, receive, send
        self._arrived, self._answering = False, False
        self._end: ProblemError | None = None
        self._receiving, self._received, self._progressed = False, 0, monotonic()
        self._watch: asyncio.Task[Message] | None = None
        self._limit: asyncio.Timeout = asyncio.timeout(None)
        self._begin()

    def _begin(self) -> None:
        """Begin the time of the request."""
        self._deadline = self._scope["state"]["deadline"] = self._given.deadline()

    async def make(self) -> None:
        """Have the request answered. Whatever happens, its slot is free afterwards."""
        self._task = asyncio.current_task()
        self._room.arriving.add(self)
        try:
            async with self._limit:
                if self._given.said:
                    self._limit.reschedule(self._deadline)
                await self._app(self._scope, self.receive, self.send)
        except TimeoutError:
            if not self._limit.expired():
                raise
            await self._report(ProblemError("deadline_exceeded", _LATE))
        except asyncio.CancelledError:
            if self._task is None or self._end is None or self._task.uncancel():
                raise
            await self._report(self._end)
        finally:
            if self._watch is not None:
                self._watch.cancel()
            self._room.arriving.discard(self)
            if self._end is not _STALLED:  # that place is another's already
                self._room.leave(self._arrived, self._answering)

    def stalled(self, now: float) -> float:
        """Return for how many seconds the body has been waited for without progress."""
        return now - self._progressed if self._receiving else 0.0

    def give_up(self) -> None:
        """Stop waiting for the body, whose place the room has given to another request."""
        self._cancel(_STALLED)

    def _cancel(self, end: ProblemError) -> None:
        if self._task is not None and self._end is None:
            self._end = end
            self._task.cancel()

    async def _report(self, error: ProblemError) -> None:
        """Answer with a problem, unless an answer has begun. Who has left receives nothing; the log has it."""
        if not self._answering:
            await problem_response(Request(self._scope), error)(self._scope, self.receive, self.send)

    async def receive(self) -> Message:
        """Pass on a part of the body; once it is complete, wait for the client to leave."""
        if self._watch is not None:
            return await asyncio.shield(self._watch)
        self._receiving = True
        try:
            message = await self._receive()
        finally:
            self._receiving = False
        self._progress(len(message.get("body", b"")))
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._start_work()
            await self._turns.mine()
        return message

    def _progress(self, size: int) -> None:
        if (self._received + size) // _PIECE > self._received // _PIECE:
            self._progressed = monotonic()
        self._received += size

    def _start_work(self) -> None:
        self._arrived = True
        self._room.arriving.discard(self)
        self._room.work()
        if not self._given.said:
            self._begin()
        self._limit.reschedule(self._deadline)
        self._watch = asyncio.create_task(self._leaving())

    async def _leaving(self) -> Message:
        """Wait until the client leaves; then stop the work on its request."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._answering:
            self._cancel(_LEFT)
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer; from its beginning on the deadline is met."""
        if not self._answering:
            self._answering = True
            with suppress(RuntimeError):  # it has passed: this is the answer that says so
                self._limit.reschedule(None)
        await self._send(message)


async def _receive_small(headers: Headers, receive: Receive) -> None:
    """Receive a refused body that is small and there, so that its connection can be used again."""
    length = headers.get("content-length", "")
    if "expect" in headers or "transfer-encoding" in headers or not (length.isdecimal() and int(length) <= _SMALL):
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_RECEIVING_SECONDS):
            while (await receive()).get("more_body", False):
                pass
