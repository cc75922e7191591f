"""Run the service: take connections at once, load what answers them, and stop without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Literal, TypeVar

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.server import HANDLED_SIGNALS

from pathprint.app.server.accepting import Acceptor
from pathprint.app.server.crowd import Crowd
from pathprint.app.server.door import Door
from pathprint.app.server.ending import END, STOPPING_ACTIONS
from pathprint.app.server.protocol import Connection
from pathprint.app.server.standing import STOPPING
from pathprint.app.settings import Settings

log = structlog.get_logger("app")
T = TypeVar("T")

_POLL_SECONDS = 0.02
_PROBE_SECONDS = 0.5
_LAST_ANSWERS_SECONDS = 2.0
"""Time to answer and to flush what could not be finished."""


class Config(uvicorn.Config):
    """uvicorn's configuration, with our settings."""

    crowd: Crowd

    def __init__(self, door: Door, settings: Settings, lifespan: Literal["on", "off"]) -> None:
        super().__init__(
            door,
            interface="asgi3",
            loop="asyncio",
            http=Connection,
            ws="none",
            lifespan=lifespan,
            log_config=None,
            access_log=False,  # the service writes its own
            server_header=False,
            # uvicorn would trust whoever asks from this machine, so that every local client could name another address.
            proxy_headers=bool(os.environ.get("FORWARDED_ALLOW_IPS")),
            timeout_keep_alive=settings.idle_seconds,  # type: ignore[arg-type]  # only handed on to call_later
            h11_max_incomplete_event_size=settings.max_head_bytes,
        )
        self.settings, self.door = settings, door


@dataclass(frozen=True, slots=True)
class Supervised:
    """How a worker belongs to a supervisor.

    Attributes:
        by: the supervisor's process id.
        wait: take connections only when the service is ready, because other workers take them meanwhile or did before.
    """

    by: int
    wait: bool


class Server(uvicorn.Server):
    """Serves what ``load`` returns on a socket that listens already.

    Attributes:
        status: the exit status that the process should have after ``run``.
    """

    config: Config

    def __init__(
        self,
        listener: socket.socket,
        load: Callable[[], ASGIApp],
        settings: Settings,
        lifespan: Literal["on", "off"] = "on",
        when_drained: Callable[[int], None] | None = None,
        supervised: Supervised | None = None,
    ) -> None:
        """Prepare to serve.

        Args:
            when_drained: called with the exit status when all requests are answered, and the service is about to end.
        """
        self.door = Door()
        super().__init__(Config(self.door, settings, lifespan))
        self.config.crowd = Crowd(settings)
        self.status = 0
        self._listener, self._load = listener, load
        self._when_drained, self._supervised = when_drained, supervised
        self._opening: asyncio.Task[None] | None = None
        self._stopping_actions: list[Callable[[], None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, and begin to load the service behind them."""
        self.acceptor = Acceptor(self._listener, self.config.crowd, self._connection)
        if not (self._supervised and self._supervised.wait):
            self.acceptor.start()
        self._opening = asyncio.create_task(self._open())
        self.started = True

    def _connection(self, client: str) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state, client)

    async def _open(self) -> None:
        try:
            self.door.app = await _on_a_thread(self._load)
        except SystemExit as end:  # it has said why
            self._fail(end.code if isinstance(end.code, int) else 1)
            return
        except Exception:
            log.exception("the service could not be loaded")
            self._fail(STARTUP_FAILURE)
            return
        END.set(self._fail)
        STOPPING_ACTIONS.set(self._stopping_actions)
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            self._fail(STARTUP_FAILURE)
        self.door.open = not self.lifespan.should_exit
        if self._supervised and self._supervised.wait and self.door.open:
            while not await self.door.is_ready():
                await asyncio.sleep(_PROBE_SECONDS)
            if not self.should_exit:
                self.acceptor.start()

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop: also when the supervisor is gone, who would stop us."""
        if self._supervised and os.getppid() != self._supervised.by:
            return True
        return await super().on_tick(counter)

    def _fail(self, status: int) -> None:
        self.status, self.should_exit = status, True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: fail readiness, wait, take no more connections, finish what was begun, answer the rest."""
        self.door.stopping = True
        for action in self._stopping_actions:
            action()
        if self.door.open and not self.status:
            log.info("stopping", pause_seconds=self.config.settings.pause_seconds)
            await asyncio.sleep(self.config.settings.pause_seconds)
        await self.acceptor.finish()
        await asyncio.sleep(_POLL_SECONDS)  # what has arrived already is read
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._until(self._is_idle, self.config.settings.drain_seconds)
        await self._cut()
        if self._when_drained:
            self._when_drained(self.status)
        if self.door.open:
            await self.lifespan.shutdown()

    def _is_idle(self) -> bool:
        return not self.server_state.connections and not self.server_state.tasks

    async def _cut(self) -> None:
        """Answer what could not be finished with a problem; the middleware does it, or else the connection itself."""
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._until(lambda: not self.server_state.tasks, _LAST_ANSWERS_SECONDS)
        for connection in self._connections():
            if connection.is_busy:
                connection.give_up(STOPPING)
        await self._until(lambda: not self.server_state.connections, _LAST_ANSWERS_SECONDS)
        for connection in self._connections():
            connection.transport.abort()

    def _connections(self) -> list[Connection]:
        return [item for item in list(self.server_state.connections) if isinstance(item, Connection)]

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        """Return when ``done`` says so, or after ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done():
                    await asyncio.sleep(_POLL_SECONDS)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in order at the first signal. uvicorn would raise it again at the end: the status would not be 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; end at once if that has begun already."""
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self.should_exit = True


async def _on_a_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns. Its thread never keeps the process from ending, as one of a pool would."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(value)  # type: ignore[arg-type]
        else:
            done.set_exception(error)

    def run() -> None:
        try:
            outcome = partial(settle, work(), None)
        except BaseException as error:
            outcome = partial(settle, None, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(outcome)

    threading.Thread(target=run, name="loading", daemon=True).start()
    return await done
