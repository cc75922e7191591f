"""SIGHUP asks the service to read again what it read when it started."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

Action = Callable[[], None]
_actions: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Action]] = WeakKeyDictionary()
"""What each event loop does at SIGHUP; blocks of ``on_hangup`` may lie in each other."""


@contextmanager
def on_hangup(*actions: Action) -> Iterator[None]:
    """Call ``actions`` on the running event loop at each SIGHUP. Only the main thread of a process gets signals."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
        yield
        return
    loop = asyncio.get_running_loop()
    found = _actions.setdefault(loop, [])
    found.extend(actions)
    loop.add_signal_handler(signal.SIGHUP, _act, found)
    try:
        yield
    finally:
        for action in actions:
            found.remove(action)
        if not found:
            loop.remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # by default it would end a service that is about to stop


def _act(actions: list[Action]) -> None:
    for action in tuple(actions):
        action()
