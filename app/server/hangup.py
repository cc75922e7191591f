"""SIGHUP asks the service to read again what it read when it started."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_hangup(*actions: Callable[[], None]) -> Iterator[None]:
    """Call ``actions`` on the running event loop at each SIGHUP. Only the main thread of a process gets signals."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def act() -> None:
        for action in actions:
            action()

    loop.add_signal_handler(signal.SIGHUP, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
