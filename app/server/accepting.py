"""Take new connections from the listening socket, as many as there is room for."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Any

import structlog

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.server.answering import refusal
from pathprint.app.server.crowd import Crowd, client_key
from pathprint.app.server.protocol import Connection

log = structlog.get_logger("app")

_AT_ONCE = 64
"""Connections taken before the event loop sees to other things."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_REST_SECONDS = 0.5
"""Time without taking connections after the system had no descriptor or memory for one."""
_MOMENT_SECONDS = 0.02
"""Time until a descriptor is free whose connection was just cut."""
_REPORT_SECONDS = 10.0
"""At most one line of the log in this time says that connections could not be taken."""
FULL = ProblemError(
    "too_many_connections",
    "There are too many connections, from this address or in all; close some or try again soon.",
    {"Retry-After": "1"},
)


class Acceptor:
    """Owns the listening socket.

    asyncio's own server would close it together with the connections that wait in its backlog, and writes thousands of
    tracebacks where the process has no descriptor left.
    """

    def __init__(self, listener: socket.socket, crowd: Crowd, make: Callable[[str], Connection]) -> None:
        listener.setblocking(False)
        self._listener, self._crowd, self._make = listener, crowd, make
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._missed, self._reported = 0, float("-inf")
        self._begun = self._finishing = False

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect to."""
        host, port, *_ = self._listener.getsockname()
        return host, port

    def start(self) -> None:
        """Take connections from now on."""
        self._begun, self._rest = True, None
        self._loop.add_reader(self._listener, self._take)

    async def finish(self) -> None:
        """Take the connections that are waiting, then no more: whoever comes later is refused by the system.

        Where none was taken yet, the waiting ones are those of other workers on this socket.
        """
        self._finishing = True
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._listener)
        while self._begun and self._take():
            pass
        self._listener.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _take(self) -> bool:
        """Take some of the waiting connections; return whether more may wait."""
        for _ in range(_AT_ONCE):
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._exhausted()
                    return False
                continue  # this one is gone already
            self._admit(accepted, client_key(address))
        return True

    def _admit(self, accepted: socket.socket, client: str) -> None:
        accepted.setblocking(False)
        connection = self._make(client)
        if not self._crowd.enter(connection):
            _turn_away(accepted)
            return
        connection.answer_waiting(accepted)
        task = self._loop.create_task(self._connect(accepted, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, accepted: socket.socket, connection: Connection) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # it went away in this moment
            self._crowd.leave(connection)
            accepted.close()

    def _exhausted(self) -> None:
        """Rest for a moment, give one descriptor back, and say so once in a while."""
        if self._finishing:
            return
        self._loop.remove_reader(self._listener)
        rest = _MOMENT_SECONDS if self._crowd.make_room() else _REST_SECONDS
        self._rest = self._loop.call_later(rest, self.start)
        self._missed += 1
        if self._loop.time() - self._reported >= _REPORT_SECONDS:
            log.warning("no descriptor left for new connections", times=self._missed)
            self._missed, self._reported = 0, self._loop.time()


def _turn_away(connection: socket.socket) -> None:
    """Answer without reading a request: one that takes no part in the event loop costs next to nothing."""
    with contextlib.suppress(OSError), connection:
        connection.send(refusal(FULL))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)  # closed with unread bytes, the connection would be reset
