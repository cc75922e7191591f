"""The one thread that loads bundles, beside those that answer requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class LoadThread:
    """A thread that runs one piece of work after another, and does not keep the process from ending.

    There is one for all loads, because torch keeps memory for each thread that has run it. It is no executor: Python
    waits for the threads of executors at its end, and a bundle may take a minute to load.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name="load", daemon=True).start()

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, or raise what it raises, once the thread has come to it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            try:
                tell = _result(done, work())
            except BaseException as error:
                tell = _error(done, error if isinstance(error, Exception) else RuntimeError(repr(error)))
            with suppress(RuntimeError):  # the event loop has ended, so that nobody waits for the outcome
                loop.call_soon_threadsafe(tell)

        self.post(job)
        return await done

    def post(self, work: Callable[[], None]) -> None:
        """Have the thread do ``work`` when it comes to it. May be called from any thread, also by a finalizer."""
        self._work.put(work)

    def close(self) -> None:
        """End the thread once it has finished what it is doing, without waiting for that."""
        self._work.put(None)

    def _run(self) -> None:
        while (job := self._work.get()) is not None:
            job()
            del job  # or what it holds would live until the next one comes


def _result(done: asyncio.Future[T], value: T) -> Callable[[], None]:
    return lambda: None if done.cancelled() else done.set_result(value)


def _error(done: asyncio.Future[T], error: Exception) -> Callable[[], None]:
    return lambda: None if done.cancelled() else done.set_exception(error)
