"""Let one of those who wait go on in each turn of the event loop, so that it sees to its sockets in between."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """What comes together, as requests and the images of a batch do, is worked on one after the other.

    The answers about sixteen images take some thirty milliseconds. In one turn, they would delay every refusal and
    probe by as much. One event loop uses it.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_free = True

    async def mine(self) -> None:
        """Return when it is the caller's turn, in the order of the calls: at once, if nobody has this one."""
        loop = asyncio.get_running_loop()
        if self._is_free:
            self._is_free = False
            loop.call_soon(self._next)
            return
        waiter = loop.create_future()
        self._waiting.append(waiter)
        await waiter

    def _next(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # whoever left does not take a turn
                waiter.set_result(None)
                waiter.get_loop().call_soon(self._next)
                return
        self._is_free = True
