"""A budget for the bodies of all requests: however many are sent at once, they take so much memory and no more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathprint.app.problems.kinds import ProblemError

_STALLED_SECONDS = 1.0
"""A body of which nothing has come for this long may be given up for another."""
_PIECE = 64 * 1024
"""A body has made progress when this many bytes have come: a byte now and then is none."""
BUSY = ProblemError(
    "overloaded",
    "Too many bodies of requests are on their way; send this one again a little later.",
    {"Retry-After": "1", "Connection": "close"},
)


@dataclass(eq=False, slots=True)
class _Body:
    """What one request holds of the budget."""

    held: int = 0
    marked: int = 0
    progressed: float = 0.0
    waiting: asyncio.Task[object] | None = None
    complete: bool = False
    given_up: bool = False

    def is_stalled(self, now: float) -> bool:
        """Whether it is waited for in vain. Who waits after the whole body waits for the client to go away."""
        late = now - self.progressed >= _STALLED_SECONDS
        return late and self.held > 0 and self.waiting is not None and not self.complete

    def cost(self, now: float) -> float:
        """Return how much it costs to go on waiting for this body: its bytes times the seconds without progress."""
        return self.held * (now - self.progressed)


class BodyBudget:
    """Middleware that counts the bytes of a body as they arrive, until its request is answered.

    When there is no room for more, the body is given up that holds much and does not get on; if all get on, the newest
    piece is refused together with its request.
    """

    def __init__(self, app: ASGIApp, total: int) -> None:
        self.app, self._total = app, total
        self._bodies: set[_Body] = set()
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(progressed=monotonic())

        async def counted() -> Message:
            message = await self._receive(body, receive)
            self._take(body, len(message.get("body", b"")))
            return message

        self._bodies.add(body)
        try:
            await self.app(scope, counted, send)
        finally:
            self._bodies.discard(body)
            self.held -= body.held

    async def _receive(self, body: _Body, receive: Receive) -> Message:
        """Wait for the next piece, unless the body is given up meanwhile."""
        body.waiting = asyncio.current_task()
        try:
            message = await receive()
        except asyncio.CancelledError:
            if not body.given_up:
                raise
            assert body.waiting is not None
            body.waiting.uncancel()
            raise BUSY from None
        finally:
            body.waiting = None
        body.complete = not message.get("more_body", False)
        return message

    def _take(self, body: _Body, size: int) -> None:
        while size and self.held + size > self._total and body.held < self.held:
            if not self._give_one_up(body):
                raise BUSY
        self.held += size
        body.held += size
        if body.held - body.marked >= _PIECE:
            body.marked, body.progressed = body.held, monotonic()

    def _give_one_up(self, newcomer: _Body) -> bool:
        """Give up the body whose waiting costs most; return whether there was one that does not get on."""
        now = monotonic()
        stalled = [body for body in self._bodies if body is not newcomer and body.is_stalled(now)]
        if not stalled:
            return False
        victim = max(stalled, key=lambda body: body.cost(now))
        victim.given_up = True
        assert victim.waiting is not None
        victim.waiting.cancel()
        self.held -= victim.held
        victim.held = 0
        return True
